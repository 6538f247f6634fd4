#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Trains the ResNet-20 of He et al. (option A shortcuts) in PyTorch on CIFAR-10 and counts what it gets right, for `evaluate` to count again.

    python3 train_resnet20.py CIFAR_DIR OUT_DIR [EPOCHS]

CIFAR_DIR holds data_batch_1.bin to data_batch_5.bin. The last 5,000 images are kept for validation and written to OUT_DIR/valid.bin; the network
goes to OUT_DIR/resnet20.pth as published checkpoints are: DataParallel's names in a dict with epoch and optimiser beside. Then

    evaluate --model resnet20 --weights OUT_DIR/resnet20.pth --data OUT_DIR/valid.bin

must print the same `N of 5000 right`.
"""
import pathlib
import sys

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.stride, self.pad = stride, (outputs - inputs) // 2

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.stride != 1 or self.pad:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.pad, self.pad))
        return F.relu(y + x)


class ResNet20(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        inputs = 16
        for number, (outputs, stride) in enumerate(((16, 1), (32, 2), (64, 2)), 1):
            blocks = [Block(inputs, outputs, stride), Block(outputs, outputs, 1), Block(outputs, outputs, 1)]
            setattr(self, f"layer{number}", nn.Sequential(*blocks))
            inputs = outputs
        self.linear = nn.Linear(64, 10)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.linear(x.mean((2, 3)))


def main():
    data, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    epochs = int(sys.argv[3]) if len(sys.argv) > 3 else 2
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(1)
    records = np.concatenate([np.fromfile(data / f"data_batch_{i}.bin", np.uint8).reshape(-1, 3073) for i in range(1, 6)])
    records[-5000:].tofile(out / "valid.bin")
    labels = torch.from_numpy(records[:, 0].astype(np.int64))
    images = torch.from_numpy(records[:, 1:].reshape(-1, 3, 32, 32).astype(np.float32) / np.float32(255))
    images = (images - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(DEVIATION).view(3, 1, 1)
    images = images.to(memory_format=torch.channels_last)
    learned = len(records) - 5000
    net = nn.DataParallel(ResNet20()).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=epochs * (learned // 128))
    for epoch in range(epochs):
        net.train()
        order = torch.randperm(learned)
        for step in range(learned // 128):
            chosen = order[step * 128:(step + 1) * 128]
            optimizer.zero_grad()
            loss = F.cross_entropy(net(images[chosen]), labels[chosen])
            loss.backward()
            optimizer.step()
            schedule.step()
        print(f"epoch {epoch + 1}: loss of the last batch {loss.item():.3f}", flush=True)
    net.eval()
    with torch.no_grad():
        logits = torch.cat([net(images[i:i + 500]) for i in range(learned, len(records), 500)])
    right = int((logits.argmax(1) == labels[learned:]).sum())
    torch.save({"epoch": epochs, "state_dict": net.state_dict(), "optimizer": optimizer.state_dict()}, out / "resnet20.pth")
    print(f"loss {F.cross_entropy(logits, labels[learned:]).item():.4f}, {right} of 5000 right")


if __name__ == "__main__":
    main()
