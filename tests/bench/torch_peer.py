# torch_peer.py WAY NET: runs a net in PyTorch on one thread, for peers.c. WAY: eager or frozen; NET: "784,256:relu,10:linear".
# Answers each line "BATCH CALLS" with seconds.
import sys
import time

try:
    import torch
    from torch import nn
except ImportError:
    sys.exit(1)

torch.set_num_threads(1)
torch.manual_seed(1)
act = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "gelu": nn.GELU, "softmax": lambda: nn.Softmax(-1)}
way, net = sys.argv[1:3]
first, *layers = net.split(",")
width, modules = int(first), []
for layer in layers:
    out, name = layer.split(":")
    modules.append(nn.Linear(width, int(out)))
    width = int(out)
    if name != "linear":
        modules.append(act[name]())
model = nn.Sequential(*modules).eval()
made = {}  # by batch: what to call, and on what


def prepare(batch):
    x = [torch.randn(batch, int(first)) for _ in range(max(1, min(8, 1024 // batch)))]
    run = model
    if way == "frozen":
        run = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(model, x[0])))
        for _ in range(3):  # the first calls specialise
            run(x[0])
    return run, x


with torch.no_grad():
    print("ready", flush=True)
    for line in sys.stdin:
        batch, calls = map(int, line.split())
        if batch not in made:
            made[batch] = prepare(batch)
        run, x = made[batch]
        run(x[0])  # another process has had the caches
        start = time.perf_counter()
        for i in range(calls):
            run(x[i % len(x)])
        print(time.perf_counter() - start, flush=True)
