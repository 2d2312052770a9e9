# torch_peer.py: runs nets in PyTorch on one thread, for peers.c. Answers each line "WAY NET BATCH CALLS" with seconds. NET:
# "784,256:relu,10:linear"; WAY: eager, frozen, or a step of training by sgd or adam, eagerly.
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


def module_of(net):
    first, *layers = net.split(",")
    width, modules = int(first), []
    for layer in layers:
        out, name = layer.split(":")
        modules.append(nn.Linear(width, int(out)))
        width = int(out)
        if name != "linear":
            modules.append(act[name]())
    return nn.Sequential(*modules), int(first), width


def step_of(model, way, t):
    rule = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[way](model.parameters(), lr=1e-4)
    loss = nn.MSELoss()

    def step(x):
        rule.zero_grad()
        loss(model(x), t).backward()
        rule.step()

    return step


def prepare(way, net, batch):
    model, width, out = module_of(net)
    x = [torch.randn(batch, width) for _ in range(max(1, min(8, 1024 // batch)))]
    if way in ("sgd", "adam"):
        return step_of(model, way, torch.randn(batch, out)), x
    run = model.eval()
    if way == "frozen":
        run = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(model, x[0])))
        for _ in range(3):  # the first calls specialise
            run(x[0])
    return run, x


made, last = {}, None  # of the last net, by way and batch: what to call, and on what
print("ready", flush=True)
for line in sys.stdin:
    way, net, batch, calls = line.split()
    if net != last:
        made, last = {}, net
    with torch.set_grad_enabled(way in ("sgd", "adam")):
        if (way, batch) not in made:
            made[way, batch] = prepare(way, net, int(batch))
        run, x = made[way, batch]
        start = time.perf_counter()
        for i in range(int(calls)):
            run(x[i % len(x)])
        print(time.perf_counter() - start, flush=True)
