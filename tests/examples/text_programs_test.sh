#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# text_programs_test.sh BIN: runs the text programs in folder BIN as a user would. A run that is resumed, in whatever way it was stopped and
# with whatever threads, must write the same bytes as one that never stopped; what is bad input is refused in one line or replaced and counted.
set -u
bin=$(cd "$1" && pwd)
layout=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/svg_layout.py
source "$(dirname "${BASH_SOURCE[0]}")/checks.sh"

# Which language is this word?
words="$bin/char_cnn_train"
fresh=(--embedded --words 300 --model lecture --filters 8,8,8 --batch-size 16 --seed 3 --no-progress)
train() { "$words" "$@" >>log 2>&1; }
check "three epochs" train "${fresh[@]}" --epochs 3 --threads 2 --out whole
check "the header of metrics.csv" test "$(head -n 1 whole/metrics.csv)" = "epoch,train_loss,valid_loss,valid_accuracy,words_per_second,seconds"
check "it learned" python3 -c "
rows = open('whole/metrics.csv').read().split()[1:]
exit(not (len(rows) == 3 and float(rows[-1].split(',')[3]) > 0.7))"
check "its files" test -s whole/confusion.csv -a -s whole/curves.svg
check "one thread" train "${fresh[@]}" --epochs 3 --threads 1 --out one
check "threads change nothing" same_run whole one
check "one epoch" train "${fresh[@]}" --epochs 1 --out parts
check "two more" train --resume parts --epochs 3 --no-progress
check "more epochs later are the same as at once" same_run whole parts
resume=("$words" --resume interrupted --no-progress)
check "more epochs" train --resume parts --epochs 15 --no-progress
check "interrupted again and again" interrupt_until_done interrupted "$words" "${fresh[@]}" --epochs 15 --out interrupted
check "a run that was interrupted is the same" same_run parts interrupted

check "predict" eval "printf 'gzyta\nbrokt\n\nho\xffu\n' | $words --predict whole >predicted 2>notes"
check "an answer a word" test "$(wc -l <predicted)" = 3
check "an empty word is told and passed over" grep -q "line 3 is empty" notes
check "invalid bytes are counted" grep -q "^1 pieces were no UTF-8, 1 characters are unknown" notes
check "explain" eval "$words --explain whole gzytach >explained"
check "the n-grams of all filters" test "$(cut -f1,2 whole/filters.tsv | sort -u | wc -l)" = 25
check "its pictures: nothing overlaps" env PYTHONDONTWRITEBYTECODE=1 python3 "$layout" whole/explain-gzytach.svg whole/curves.svg
check "the split" eval "$words --embedded --words 300 --seed 3 --write-split split >/dev/null"
check "no word is on two sides" test "$(cut -f1 split/train.tsv | sort -u | cat - <(cut -f1 split/valid.tsv | sort -u) <(cut -f1 split/test.tsv | sort -u) | sort | uniq -d | wc -l)" = 0

python3 - <<'PYTHON'
import random
random.seed(1)
with open("own.tsv", "w", encoding="utf-8") as file:
    for _ in range(400):
        label = random.choice(["up", "down, or so"])
        file.write("".join(random.choice("abc" if label == "up" else "cde") for _ in range(random.randint(3, 9))) + f"\t{label}\n")
    file.write("a" * 100 + "\tup\n")
PYTHON
check "own data" train --data own.tsv --epochs 8 --batch-size 16 --lr 0.01 --model lecture --filters 8,8,8 --out own --no-progress
check "own labels" eval "echo dedede | $words --predict own | grep -q 'down, or so'"
check "a long text is cut, and counted" eval "python3 -c 'print(\"ab\" * 30)' | $words --predict own 2>&1 >/dev/null | grep -q '1 words were cut to 40'"
printf 'abc\tup\nabc\n' >missing.tsv
: >empty.tsv
printf '\n\n' >lines.tsv
printf 'abc\tup\n\tup\n' >blank.tsv
printf 'abc,up\n"de\n' >quote.csv
check "a missing column" refused "missing.tsv: line 2: expects the label in column 2" "$words" --data missing.tsv
check "an empty file" refused "empty.tsv: expects lines of text and label, but there are none" "$words" --data empty.tsv
check "empty lines" refused "lines.tsv: expects lines of text and label" "$words" --data lines.tsv
check "an empty word" refused "blank.tsv: line 2, column 1: the text must not be empty" "$words" --data blank.tsv
check "an open quote" refused "quote.csv: line 2, column 1: expects a closing quote" "$words" --data quote.csv
check "no such file" refused "nowhere.tsv" "$words" --data nowhere.tsv
check "one label" refused "labels must be at least two" "$words" --data <(printf 'abc\tup\n')
check "another rate is refused" refused "--lr" "$words" --resume parts --lr 0.5
check "other data is refused" refused "--data" "$words" --resume parts --data own.tsv
check "a folder with a run is refused" refused "--out" "$words" "${fresh[@]}" --out parts
check "filters that do not fit" refused "one number a width" "$words" --embedded --model lecture --filters 3,4
check "nothing to predict with" refused "nowhere" "$words" --predict nowhere

# Which word comes next?
next="$bin/char_lm_train"
python3 - <<'PYTHON'
import random
random.seed(2)
subjects, verbs, objects = ["the cat", "a dog", "the bird"], {"the cat": "sees", "a dog": "hears", "the bird": "likes"}, ["water", "grass", "the sun"]
with open("text.txt", "w") as file:
    for _ in range(600):
        s = random.choice(subjects)
        file.write(f"{s} {verbs[s]} {random.choice(objects)}.\n")
PYTHON
fresh=(--data text.txt --model lecture --hidden 32 --layers 1 --optimizer sgd --lr 2 --epochs 60 --batch-size 4 --steps 8 --dropout 0.1 --threads 1 --no-progress)
check "the language model" eval '"$next" "${fresh[@]}" --out lm >lm.txt'
check "its header" test "$(head -n 1 lm/metrics.csv)" = "epoch,train_loss,valid_loss,valid_perplexity,words_per_second,seconds"
check "it tells what counting gives" grep -q "^Test perplexity a word by counting words: [0-9.]*, by counting pairs: [0-9.]*$" lm.txt
check "it beats counting words" python3 -c "
import re
text = open('lm.txt').read()
unigram = float(re.search(r'Test perplexity a word by counting words: ([0-9.]+)', text)[1])
model = float(re.search(r'language model: ([0-9.]+)', text)[1])
print(unigram, model)
exit(not 1 < model < 0.8 * unigram)"
resume=("$next" --resume lm_interrupted --data text.txt --threads 2 --no-progress)
check "interrupted again and again" interrupt_until_done lm_interrupted "$next" "${fresh[@]}" --out lm_interrupted
check "a run that was interrupted is the same" same_run lm lm_interrupted
check "a text of too few words" refused "words must be enough" "$next" --data <(echo one two)
check "no words" refused "there is no word" "$next" --data empty.tsv
check "another text is refused" refused "not the one that the run was trained on" "$next" --resume lm --data own.tsv
check "not a run of this program" refused "holds no run of char_lm_train" "$next" --resume whole
echo "text_programs_test: $passed checks passed"
