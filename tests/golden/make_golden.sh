#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Makes the golden values again, from PyTorch, in a virtual environment of its own (about 6 GB, kept for the next time).
# Usage: bash tests/golden/make_golden.sh [topic...]       topics: conv2d pool norm ...; all of them if none is named
set -euo pipefail
cd "$(dirname "$0")"
environment="${TAPESTRY_GOLDEN_VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/tapestry/golden-venv}"
if [[ ! -x "$environment/bin/python" ]]; then
  python3 -m venv "$environment"
fi
if ! "$environment/bin/python" -c 'import torch, torchvision, numpy, safetensors' 2> /dev/null; then
  "$environment/bin/pip" install --quiet 'torch==2.15.*' 'torchvision==0.29.*' numpy safetensors
fi
mkdir -p data
topics=("$@")
if [[ ${#topics[@]} -eq 0 ]]; then
  for script in *_golden.py; do topics+=("${script%_golden.py}"); done
fi
for topic in "${topics[@]}"; do
  PYTHONDONTWRITEBYTECODE=1 "$environment/bin/python" "${topic}_golden.py"
done
