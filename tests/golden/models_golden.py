# SPDX-License-Identifier: MIT
"""Golden values of the model zoo, from torchvision.

`data/models.txt`: for every model and some variants, after a line `=== name`, one line `parameters N, text BYTES HASH, state BYTES HASH`: how
many numbers it learns, and length and 64-bit FNV-1a hash of print(net) and of its state dict's `key [shape]` lines. Where a model is the first
of its kind, print(net) itself follows.

`data/models.safetensors`: what networks compute that are small enough for a test, in double. Weights and images come from number(), so only
results are stored. State dict entry j is base + scale * number(j, i): a weight with fan in f 0 and sqrt(6 / f), a batch norm's weight 1 and
0.1, running_var 1 and 0.5, other vectors 0 and 0.1; num_batches_tracked is 3. Image element i is number(1000, i), label n is
(3 * n + 1) % classes.
"""

import math

import torch
import torchvision
from torch import nn
from torch.nn import functional as F
from torchvision.models import resnet

from golden_file import DATA, GoldenFile, number

CLASSES = 10


class PaddedShortcut(nn.Module):
    def __init__(self, planes):
        super().__init__()
        self.extra = planes // 4

    def forward(self, x):
        return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.extra, self.extra))


class CifarBasicBlock(nn.Module):
    def __init__(self, channels, planes, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.shortcut = nn.Sequential(*([PaddedShortcut(planes)] if stride != 1 else []))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + self.shortcut(x))


class CifarResNet(nn.Module):
    """The network of He et al., 2016, section 4.2, with shortcuts of option A, for which torchvision has no code."""

    def __init__(self, blocks, num_classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        channels = 16
        for stage, planes in enumerate((16, 32, 64)):
            layers = []
            for _ in range(blocks):
                layers.append(CifarBasicBlock(channels, planes, 1 if channels == planes else 2))
                channels = planes
            setattr(self, f"layer{stage + 1}", nn.Sequential(*layers))
        self.linear = nn.Linear(64, num_classes)

    def forward(self, x):
        y = self.layer3(self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x))))))
        return self.linear(y.mean((2, 3)))


def fnv1a(text):
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return f"{len(text.encode())} {value:016x}"


def describe(file, name, make, whole=False):
    with torch.device("meta"):
        net = make()
    parameters = sum(p.numel() for p in net.parameters())
    state = "".join(f"{key} {list(value.shape)}\n" for key, value in net.state_dict().items())
    file.write(f"=== {name}\nparameters {parameters}, text {fnv1a(str(net))}, state {fnv1a(state)}\n")
    if whole:
        file.write(f"{net}\n")


def describe_all():
    models = torchvision.models
    names = ["alexnet"]
    names += [f"vgg{layers}{norm}" for layers in (11, 13, 16, 19) for norm in ("", "_bn")]
    names += [f"resnet{layers}" for layers in (18, 34, 50, 101, 152)]
    names += ["resnext50_32x4d", "resnext101_32x8d", "resnext101_64x4d", "wide_resnet50_2", "wide_resnet101_2"]
    names += ["inception_v3", "squeezenet1_0", "squeezenet1_1", "mobilenet_v2"]
    whole = ("alexnet", "vgg11_bn", "resnet18", "inception_v3", "squeezenet1_1", "mobilenet_v2")
    with open(DATA / "models.txt", "w") as file:
        for name in names:
            options = {"init_weights": False} if name == "inception_v3" else {}
            describe(file, name, lambda: getattr(models, name)(**options), name in whole)
        for layers in (20, 32, 44, 56):
            describe(file, f"resnet{layers}", lambda: CifarResNet((layers - 2) // 6), layers == 20)
        describe(file, "resnet50 dilated", lambda: models.resnet50(replace_stride_with_dilation=[False, True, True]))
        describe(file, "inception_v3 without auxiliary head", lambda: models.inception_v3(aux_logits=False, init_weights=False))
        describe(file, "mobilenet_v2 0.35", lambda: models.mobilenet_v2(width_mult=0.35, num_classes=7, dropout=0.3))
        describe(file, "vgg13_bn 7", lambda: models.vgg13_bn(num_classes=7, dropout=0.25))


def initialise(net):
    for stream, (key, value) in enumerate(net.state_dict().items()):
        if key.endswith("num_batches_tracked"):
            value.fill_(3)
            continue
        base, scale = 0, 0.1
        if value.dim() > 1:
            scale = math.sqrt(6 / value[0].numel())
        elif key.endswith("running_var"):
            base, scale = 1, 0.5
        elif key.endswith("weight"):
            base = 1
        value.copy_(base + scale * number(stream, value.numel()).reshape(value.shape))


def in_short(tensors):
    """For each: sum of magnitudes, dot product with number(2000, i), first element, largest magnitude."""
    rows = []
    for x in tensors:
        flat = x.detach().flatten()
        rows.append(torch.stack([flat.abs().sum(), flat @ number(2000, flat.numel()), flat[0], flat.abs().max()]))
    return torch.stack(rows)


def images(*shape):
    return number(1000, math.prod(shape)).reshape(shape)


def train(golden, case, net, shape):
    """Evaluates, then takes one training step's forward and backward pass."""
    initialise(net)
    x = images(*shape)
    labels = torch.tensor([(3 * n + 1) % CLASSES for n in range(shape[0])])
    net.eval()
    with torch.no_grad():
        evaluated = net(x)
    net.train()
    logits = net(x)
    F.cross_entropy(logits, labels).backward()
    roles = {"evaluated": evaluated, "logits": logits, "gradients": in_short([p.grad for p in net.parameters()])}
    statistics = [value for key, value in net.state_dict().items() if "running_" in key]
    if statistics:
        roles["statistics"] = in_short(statistics)
    golden.add(case, {"shape": list(shape)}, **roles)


def narrow_classifier(net, inputs):
    """Linear layers of 4096 would take a gigabyte."""
    places = [i for i, layer in enumerate(net.classifier) if isinstance(layer, nn.Linear)]
    for place, (a, b) in zip(places, [(inputs, 16), (16, 12), (12, CLASSES)]):
        net.classifier[place] = nn.Linear(a, b)
    return net


def compute_all():
    models = torchvision.models
    golden = GoldenFile("models")
    train(golden, "alexnet", narrow_classifier(models.alexnet(dropout=0), 9216), (2, 3, 70, 80))
    train(golden, "vgg11_bn", narrow_classifier(models.vgg11_bn(dropout=0, init_weights=False), 25088), (4, 3, 40, 32))
    train(golden, "resnet18", models.resnet18(num_classes=CLASSES), (4, 3, 64, 64))
    train(golden, "bottleneck", resnet.ResNet(resnet.Bottleneck, [2, 1, 1, 2], num_classes=CLASSES, groups=4, width_per_group=8,
                                              replace_stride_with_dilation=[False, False, True]), (4, 3, 64, 64))
    train(golden, "squeezenet1_0", models.squeezenet1_0(num_classes=CLASSES, dropout=0), (2, 3, 64, 64))
    train(golden, "squeezenet1_1", models.squeezenet1_1(num_classes=CLASSES, dropout=0), (2, 3, 64, 64))
    train(golden, "mobilenet_v2", models.mobilenet_v2(num_classes=CLASSES, dropout=0), (4, 3, 64, 64))
    train(golden, "resnet20", CifarResNet(3), (4, 3, 32, 32))
    train(golden, "inception_v3", models.inception_v3(num_classes=CLASSES, aux_logits=False, transform_input=True, dropout=0, init_weights=False),
          (3, 3, 107, 107))

    # The auxiliary head needs images of 299 pixels: it is differentiated alone, and in its place only evaluated.
    head = torchvision.models.inception.InceptionAux(32, CLASSES)
    train(golden, "inception_aux", head, (4, 32, 20, 20))
    net = models.inception_v3(num_classes=CLASSES, dropout=0, init_weights=False)
    initialise(net)
    with torch.no_grad():
        logits, aux_logits = net(images(2, 3, 299, 299))
    golden.add("inception_v3_with_aux", logits=logits, aux_logits=aux_logits)
    golden.save()


if __name__ == "__main__":
    describe_all()
    compute_all()
