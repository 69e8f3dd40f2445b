"""The names of the pictures in the TNO Image Fusion Dataset as it is downloaded (figshare 1008029)."""

from __future__ import annotations

_ATHENA = """
2_men_in_front_of_house IR_meting003_g VIS_meting003_r | airplane_in_trees ir vis
APC_1/view_1 IR_fk_06_005 VIS_fk_06_005
APC_1/view_2 IR_fk_ref_01_005 VIS_fk_ref_01_005 | APC_1/view_3 IR_fk_ref_02_005 VIS_fk_ref_02_005
APC_2/view_1 2_fk_ge_03_005 1_fk_ge_03_005 | APC_2/view_2 2_fk_ge_04_005 1_fk_ge_04_005
APC_2/view_3 2_fk_ge_06_005 1_fk_ge_06_005 | APC_3/view_1 IR_fk_bar_06_005 VIS_fk_bar_06_005
APC_3/view_2 IR_fk_NL_01_005 VIS_fk_NL_01_005 | APC_3/view_3 IR_fk_NL_05_005 VIS_fk_NL_05_005
APC_4 IR_fennek01_005 VIS_fennek01_005 | bunker IR_bunker_g bunker_r | heather IR_hei_vis_g VIS_hei_vis_r
helicopter IR_helib_011 VIS_helib_011 | lake IR_lake_g VIS_lake_r | man_in_doorway IR_maninhuis_g VIS_maninhuis_r
soldier_behind_smoke_1 IR_meting012-1200_g VIS_meting012-1200_r
soldier_behind_smoke_2 IR_meting012-1500_g VIS_meting012-1500_r
soldier_behind_smoke_3 IR_meting012-1700_g VIS_meting012-1700_r
soldier_in_trench_1 IR_meting016_g VIS_meting016_r | soldier_in_trench_2 IR_meting055_g VIS_meting055_r
"""
_DHV = """
bench IR_37rad VIS_37dhvR NIR_37dhvG | sandpath IR_18rad VIS_18dhvR NIR_18dhvG
wall IR_163rad VIS_163dhvR NIR_163dhvG
"""
_TRICLOBS = """
barbed_wire_1 B_LWIR R_Vis G_NIR | Bosnia LWIR_B VIS_R NIR_G | houses_with_3_men LWIR VIS NIR
jeep_in_smoke LWIR_B VIS_R NIR_G
barbed_wire_2 c_LWIR-MarnehNew_24RGB_1110 a_VIS-MarnehNew_24RGB_1110 b_NIR-MarnehNew_24RGB_1110
Kaptein_01 IR01 Vis01 NIR01 | Kaptein_19 IR19 Vis19 NIR19 | square_with_houses LWIR VIS NIR
soldier_behind_smoke LWIR-MarnehNew_15RGB_603 VIS-MarnehNew_15RGB_603 NIR-MarnehNew_15RGB_603 RGB-MarnehNew_15RGB_603
soldiers_with_jeep Jeep_IR Jeep_Vis Jeep_II
"""
_INTENSIFIED = "Farm Kaptein_1123 Kaptein_1654 Marne_01 Marne_02 Marne_03 Marne_04 Marne_06 Marne_07 Marne_09 Marne_11 "
_INTENSIFIED += "Marne_15 Marne_24 Movie_01 Movie_12 Movie_14 Movie_18 Movie_24 Reek"
NEAR_INFRARED_ONLY = ("Balls", "House", "pancake_house", "Veluwe", "Vlasakkers")
# folder, infrared and visible subfolder, their names with the frame's number, first and last frame
SEQUENCES = (
    ("DHV_images/Fire_sequence/part_1", "thermal", "dhv", "RAD{}", "DHV{}", 2, 29),
    ("DHV_images/Fire_sequence/part_2", "rad", "dhv", "RADheli{}", "DHVheli{}", 0, 16),
    ("DHV_images/Fire_sequence/part_3", "rad", "dhv", "RADheli{}", "DHVheli{}", 20, 80),
    ("FEL_images/Duine_sequence", "thermal", "visual", "{}i", "{}v", 7400, 7422),
    ("FEL_images/Nato_camp_sequence", "thermal", "visual", "{}i", "{}v", 1800, 1831),
    ("FEL_images/Tree_sequence", "thermal", "visual", "{}i", "{}v", 4900, 4918),
)


def scenes() -> dict[str, list[str]]:
    """Folder → stems of its pictures, the infrared one first and the visible one second, of all scenes with both."""
    found = {"tank": ["LWIR", "Vis"]}
    for camera, text in (("Athena", _ATHENA), ("DHV", _DHV), ("Triclobs", _TRICLOBS)):
        for entry in text.replace("\n", "|").split("|"):
            if words := entry.split():
                found[f"{camera}_images/{words[0]}"] = words[1:]
    for name in _INTENSIFIED.split():
        found[f"Triclobs_images/{name}"] = [f"{name}_{kind}" for kind in ("IR", "Vis", "II")]
    return found


def files() -> list[str]:
    """All pictures, by their path in the archive."""
    names = [f"{folder}/{stem}.bmp" for folder, stems in scenes().items() for stem in stems]
    names += [f"Triclobs_images/{folder}/{kind}.bmp" for folder in NEAR_INFRARED_ONLY for kind in ("NIR", "VIS")]
    for folder, ir, vis, ir_name, vis_name, first, last in SEQUENCES:
        for frame in range(first, last + 1):
            names += [f"{folder}/{ir}/{ir_name.format(frame)}.bmp", f"{folder}/{vis}/{vis_name.format(frame)}.bmp"]
    return names
