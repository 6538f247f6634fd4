#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# programs_test.sh BIN: runs the programs in folder BIN as a user would. A run that is resumed, in whatever way it was stopped, and with whatever
# threads and workers, must write the same bytes as one that never stopped; options that contradict are refused; nothing is overwritten.
set -u
bin=$(cd "$1" && pwd)
layout=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/svg_layout.py
source "$(dirname "${BASH_SOURCE[0]}")/checks.sh"
export XDG_CACHE_HOME=$work/cache

# A data set in CIFAR-10's format: five files of 160 records, noise whose brightness tells the class.
python3 - <<'PYTHON'
import os, random
random.seed(1)
os.makedirs("data")
for part in range(1, 6):
    with open(f"data/data_batch_{part}.bin", "wb") as file:
        for record in range(160):
            label = (record + part) % 10
            file.write(bytes([label]) + bytes(min(255, random.randrange(60) + 18 * label) for _ in range(3072)))
PYTHON
fresh=(--data data --batch-size 32 --seed 3)
train() { "$bin/cifar10_train" --no-progress "$@" >>log 2>&1; }
new() { train "${fresh[@]}" "$@"; }
start() {  # in the background, as a process of its own that signals reach
  "$bin/cifar10_train" --no-progress "$@" >>log 2>&1 &
  pid=$!
}

check "a run of four epochs" new --epochs 4 --threads 2 --workers 3 --schedule one-cycle --out whole
check "its files" test -s whole/metrics.csv -a -s whole/curves.svg -a -s whole/best.safetensors
check "the header of metrics.csv" test "$(head -n 1 whole/metrics.csv)" = "epoch,train_loss,valid_loss,valid_accuracy,images_per_second,seconds"
check "a row an epoch" test "$(wc -l <whole/metrics.csv)" = 5
check "it learned" python3 -c "rows = open('whole/metrics.csv').read().split()[1:]; exit(not (float(rows[-1].split(',')[1]) < 0.8 * float(rows[0].split(',')[1])))"

for threads in 1 4; do
  check "a run on $threads threads" new --epochs 4 --threads $threads --workers $((threads - 1)) --schedule one-cycle --out "threads$threads"
  check "threads and workers change nothing ($threads)" same_run whole "threads$threads"
done

check "two epochs of a constant rate" new --epochs 2 --out parts
check "two more" train --resume parts --data data --epochs 4 --threads 1 --workers 0
check "four in one go" new --epochs 4 --out straight
check "more epochs later are the same as at once" same_run straight parts

resume=("$bin/cifar10_train" --no-progress --resume interrupted --data data)
check "interrupted again and again, in mid-epoch" interrupt_until_done interrupted "$bin/cifar10_train" --no-progress "${fresh[@]}" --epochs 4 --schedule one-cycle --out interrupted
check "a run that was interrupted is the same" same_run whole interrupted

# kill -9 after the first epoch: the last whole epoch is there, and metrics.csv is trimmed to it.
start "${fresh[@]}" --epochs 4 --schedule one-cycle --out killed
for try in $(seq 1 600); do
  [ -f killed/metrics.csv ] && [ "$(wc -l <killed/metrics.csv)" -ge 2 ] && break
  sleep 0.05
done
kill -9 $pid 2>/dev/null
wait $pid 2>/dev/null
echo "9,9,9,9,9,9" >>killed/metrics.csv
check "resume after kill -9" train --resume killed --data data
check "a run that was killed is the same" same_run whole killed

check "resume into another folder" train --resume parts --data data --epochs 5 --out elsewhere
check "the old folder stays" test "$(wc -l <parts/metrics.csv)" = 5 -a "$(wc -l <elsewhere/metrics.csv)" = 6
check "another rate is refused" refused "--lr" "$bin/cifar10_train" --resume parts --data data --lr 0.5
check "other data is refused" refused "--embedded" "$bin/cifar10_train" --resume parts --embedded
check "a folder with a run is refused" refused "--out" "$bin/cifar10_train" --data data --out parts
check "no data there" refused "nowhere" "$bin/cifar10_train" --data nowhere
check "nothing to resume" refused "nowhere/last.safetensors" "$bin/cifar10_train" --resume nowhere --data data
head -c 5000 parts/last.safetensors >broken.safetensors
mkdir broken && mv broken.safetensors broken/last.safetensors
check "a broken checkpoint is refused" refused "broken/last.safetensors" "$bin/cifar10_train" --resume broken --data data
head -c 4000 data/data_batch_1.bin >short.bin

check "evaluate" eval '"$bin/evaluate" --checkpoint straight --data data/data_batch_2.bin --csv confusion.csv >evaluated'
check "evaluate tells how many are right" grep -qE "^loss [0-9.]+, [0-9]+ of 160 right" evaluated
check "its confusion matrix adds up" python3 -c "
rows = [line.split(',') for line in open('confusion.csv').read().split()]
exit(not (len(rows) == 11 and sum(int(v) for row in rows[1:] for v in row[1:]) == 160))"
check "evaluate refuses a short file" refused "short.bin" "$bin/evaluate" --checkpoint straight --data short.bin
python3 - <<'PYTHON'
import struct, zlib
def chunk(kind, data): return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
rows = b"".join(b"\0" + bytes((x * 5 + y * c) % 256 for x in range(50) for c in range(3)) for y in range(40))
open("picture.png", "wb").write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 50, 40, 8, 2, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
PYTHON
check "classify" eval '"$bin/classify" --checkpoint straight/last.safetensors --top 4 picture.png >classified'
check "classify names four classes" test "$(grep -cE '^ +[0-9.]+%  [a-z]+' classified)" = 4
check "classify refuses what is no picture" refused "short.bin" "$bin/classify" --checkpoint straight short.bin
check "look_inside" eval '"$bin/look_inside" --checkpoint straight --data data --limit 120 picture.png >inside_table'
check "its table: the first convolution" grep -qE "^ +1 Conv2d +\[1, 30, 30, 30\] +840 +3 x 3 +1$" inside_table
check "its table: after the last pooling" grep -qE "^ +11 MaxPool2d +\[1, 120, 2, 2\] +- +22 x 22 +8$" inside_table
check "its pictures: nothing overlaps" env PYTHONDONTWRITEBYTECODE=1 python3 "$layout" straight/inside/filters.svg straight/inside/feature_maps.svg straight/inside/exciting.svg
check "a sheet of maps a layer" test "$(ls straight/inside/maps/*.png | wc -l)" = 13
check "look_inside finds the layer by name" "$bin/look_inside" --checkpoint straight --images . --layer 5 --filter 59 --out elsewhere_inside
check "look_inside refuses a layer that is not there" refused "--layer" "$bin/look_inside" --checkpoint straight --images . --layer 99
check "look_inside refuses a filter that is not there" refused "--filter" "$bin/look_inside" --checkpoint straight --images . --layer 5 --filter 60
check "look_inside refuses what is no picture" refused "short.bin" "$bin/look_inside" --checkpoint straight short.bin
mkdir no_images
check "look_inside refuses a folder without pictures" refused "no_images" "$bin/look_inside" --checkpoint straight --images no_images
# Transfer learning, and what then reads the network.
check "finetune" eval '"$bin/finetune" --offline --limit 60 --size 32 --epochs 2 --out tuned --no-progress >tuning'
check "finetune says that weights and images are not real" test "$(grep -cE "^Weights: random|^Data: the embedded set" tuning)" = 2
check "finetune writes its networks" test -s tuned/best.safetensors -a -s tuned/last.safetensors
check "classify by what finetune wrote" eval '"$bin/classify" --weights tuned/best.safetensors --logits logits.npy picture.png >tuned_classes'
check "its classes are finetune's" test "$(grep -cE '^ +[0-9.]+%  [a-z]+' tuned_classes)" = 3 -a -s logits.npy
check "evaluate by what finetune wrote" eval '"$bin/evaluate" --weights tuned/best.safetensors --data data/data_batch_2.bin | grep -qE "^loss [0-9.]+, [0-9]+ of 160 right"'
check "all of the network learns if asked" eval '"$bin/finetune" --limit 40 --size 32 --epochs 1 --train-all --batch-norm update --augment crop-flip --out all --no-progress | grep -q "1118[0-9]* numbers learn"'
tune() { "$bin/finetune" --no-progress "$@" >>log 2>&1; }
same_tuning() { cmp "$1/last.safetensors" "$2/last.safetensors" && cmp "$1/best.safetensors" "$2/best.safetensors" && [ "$(cut -d, -f1-4 "$1/metrics.csv")" = "$(cut -d, -f1-4 "$2/metrics.csv")" ]; }
for way in head images; do  # the head on features that are kept, and the whole network on images that change
  options=(--limit 60 --size 32 --batch-size 8 --seed 3)
  [ $way = images ] && options+=(--train-all --batch-norm update --augment crop-flip)
  check "finetune: six epochs ($way)" tune "${options[@]}" --epochs 6 --workers 0 --out "tuned_$way"
  check "finetune: three epochs ($way)" tune "${options[@]}" --epochs 3 --workers 2 --out "resumed_$way"
  check "finetune: three more ($way)" tune --resume "resumed_$way" --epochs 6
  check "a run of finetune that was resumed is the same ($way)" same_tuning "tuned_$way" "resumed_$way"
done
stop_after_an_epoch() {  # stop_after_an_epoch FOLDER OPTION...: Ctrl-C once the first epoch is over; returns the run's status
  local folder=$1 pid
  "$bin/finetune" --no-progress "${@:2}" --out "$folder" >>log 2>&1 &
  pid=$!
  for _ in $(seq 1 3000); do
    [ -f "$folder/metrics.csv" ] && [ "$(wc -l <"$folder/metrics.csv")" -ge 2 ] && break
    sleep 0.01
  done
  kill -INT $pid 2>/dev/null
  wait $pid
}
stop_after_an_epoch stopped "${options[@]}" --epochs 6
check "finetune: status 130 after Ctrl-C" test $? = 130
check "finetune: resume after Ctrl-C" tune --resume stopped
check "a run of finetune that was interrupted is the same" same_tuning tuned_images stopped
# The head alone learns in epochs that are shorter than writing them down, so that many go by between two files.
options=(--limit 60 --size 32 --batch-size 8 --seed 3 --epochs 600)
check "finetune: many short epochs" tune "${options[@]}" --out many
stop_after_an_epoch stopped_head "${options[@]}"
check "finetune: status 130 after Ctrl-C among short epochs" test $? = 130
check "finetune: resume among short epochs" tune --resume stopped_head
check "a run of finetune that was interrupted among short epochs is the same" same_tuning many stopped_head
check "classify by a run in progress" eval '"$bin/classify" --weights tuned_images/last.safetensors picture.png | grep -qE "^ +[0-9.]+%"'
check "classify by the folder of a run" eval '"$bin/classify" --weights tuned_images picture.png | grep -qE "^ +[0-9.]+%"'
check "finetune refuses another rate" refused "--lr" "$bin/finetune" --resume tuned_head --lr 0.5
check "finetune refuses other images" refused "--data" "$bin/finetune" --resume tuned_head --data data
check "finetune refuses a folder with a run" refused "--out" "$bin/finetune" --limit 60 --out tuned_head
check "finetune refuses weights that are not there" refused "nowhere.pth" "$bin/finetune" --limit 60 --weights nowhere.pth
head -c 100000 tuned/best.safetensors >cut_off.safetensors
check "finetune refuses weights that were cut off" refused "cut_off.safetensors" "$bin/finetune" --limit 60 --weights cut_off.safetensors
check "finetune refuses weights of another network" refused "no weights of resnet34" "$bin/finetune" --limit 60 --model resnet34 --weights tuned/best.safetensors
# A folder with a directory a class, the weights of an earlier run.
mkdir -p flowers/rose flowers/tulip
for i in 1 2 3 4 5; do cp picture.png "flowers/rose/$i.png" && cp picture.png "flowers/tulip/$i.png"; done
check "finetune on a folder" tune --data flowers --size 32 --epochs 2 --weights tuned/best.safetensors --out flowers_run
check "other classes get a new head" grep -q "with a new head" log
check "finetune goes on with the rest" tune --data flowers --size 32 --epochs 1 --train-all --weights flowers_run/best.safetensors --out flowers_all
check "the same classes keep their head" grep -q "with their head" log
check "its classes are the directories" eval '"$bin/classify" --weights flowers_run --top 2 picture.png | grep -q tulip'
check "evaluate on a folder" eval '"$bin/evaluate" --weights flowers_run --data flowers | grep -qE "^loss [0-9.]+, 5 of 10 right"'
check "look_inside a model of the zoo" eval '"$bin/look_inside" --model resnet18 --weights tuned/best.safetensors --images flowers/rose --out inside_zoo picture.png >zoo_table'
check "its table: what the last stage sees" grep -qE "^ +layer4 Sequential +\[1, 512, 1, 1\] +8393728 +~ 435 x 435 +32$" zoo_table
check "the pictures of a model of the zoo: nothing overlaps" env PYTHONDONTWRITEBYTECODE=1 python3 "$layout" inside_zoo/filters.svg inside_zoo/feature_maps.svg inside_zoo/exciting.svg
check "look_inside by the folder of a run" eval '"$bin/look_inside" --weights flowers_run --images flowers/rose --out inside_run >/dev/null'
check "look_inside without weights says where to put which file" refused "resnet18-f37072fd.pth is not in the cache" "$bin/look_inside" --model resnet18 --offline
check "finetune refuses what is no ResNet" refused "--model" "$bin/finetune" --model alexnet --limit 40
check "classify without weights says where to put which file" refused "resnet18-f37072fd.pth is not in the cache" "$bin/classify" --model resnet18 --offline picture.png
check "classify refuses an unknown model" refused "resnet19" "$bin/classify" --model resnet19 picture.png
check "an own layer learns" eval '"$bin/custom_layer" | grep -q "gradients agree"'
echo "programs_test: $passed checks passed"
