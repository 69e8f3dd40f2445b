"""Arrays to a device and back. Pinned memory and streams need a GPU; on a CPU the same lines hand tensors through."""

import pytest
import torch

from diffuse_fuse.networks.transfer import own_stream, staging, to_device, to_host

GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=GPU)])
def test_what_is_sent_comes_back(device):
    host = staging((2, 3), torch.uint8, device)
    assert host.is_pinned() == (device == "cuda")
    host.copy_(torch.arange(6, dtype=torch.uint8).view(2, 3))
    with own_stream(device):
        sent = to_device(host, device)
        assert sent.device.type == device
        back = to_host((sent + 1).T)  # not contiguous
    assert torch.equal(back, torch.tensor([[1, 4], [2, 5], [3, 6]], dtype=torch.uint8))


def test_nothing_is_copied_on_a_cpu():
    host = staging((4,), torch.float32, "cpu")
    assert to_host(to_device(host, "cpu")).data_ptr() == host.data_ptr()
