#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Makes the demo model from nothing: texts, tokenizer, a dense model trained by stages, maps, the model adapted to its
# map and its dense twin, and what they can do. Each step is left out where its result is there, so that the same
# command goes on where it was interrupted.
# usage: data/train.sh FOLDER [PROGRAM]   (about two hours on two cores)
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
folder=$(realpath -m "${1:?usage: data/train.sh FOLDER [PROGRAM]}")
program=$(realpath "${2:-$root/build/apps/proxima}")
mkdir -p "$folder"
cd "$folder"

[ -d corpus/train ] || { rm -rf corpus.part && "$root/data/corpus.sh" corpus.part && mv corpus.part corpus; }
# 4096 tokens: 3.8 bytes a token, where 2048 have 3.3 and 8192 have 4.2 for twice the embedding and the logits' work.
[ -d tokenizer ] || "$program" train-tokenizer corpus/train/*.txt -o tokenizer --vocab-size 4096

# planted SHARES: a stage's source of documents with facts in the forms that SHARES weigh.
texts=$(printf ', "%s"' corpus/train/*.txt)
planted() { printf '"sources": [{"kind": "planted", "files": [%s], %s}]' "${texts:2}" "$1"; }
roles='"roles": {"text": 1, "first_answer": 8, "answer": 3}'

# 5.5 million parameters, 11 MB in bf16. The rotation is slow enough that a name is matched alike at any distance.
# Bare facts in the shortest samples come first: begun longer, the lookup is not found. Names of any length and the
# chat come next, then length, with digests and more prose. Long samples hold up to 48 questions each, so that few of
# them are many lookups.
[ -f train.json ] || cat >train.json <<END
{"tokenizer": "tokenizer", "seed": 1, $roles,
 "model": {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 192, "num_hidden_layers": 12,
  "num_attention_heads": 6, "num_key_value_heads": 2, "head_dim": 32, "intermediate_size": 512, "vocab_size": 4096,
  "max_position_embeddings": 8192, "rope_theta": 100000.0, "rms_norm_eps": 1e-5, "hidden_act": "silu",
  "tie_word_embeddings": true, "bos_token_id": null, "eos_token_id": [256, 260]},
 "stages": [
  {"length": 64, "tokens": 2000000, "batch_tokens": 4096, "learning_rate": 0.003,
   $(planted '"plain": 1, "max_name_tokens": 2')},
  {"length": 128, "tokens": 1500000, "batch_tokens": 8192, "learning_rate": 0.003,
   $(planted '"plain": 1, "note": 1')},
  {"length": 256, "tokens": 2000000, "batch_tokens": 8192, "learning_rate": 0.003,
   $(planted '"plain": 1, "note": 6, "digest": 2, "prose": 1')},
  {"length": 512, "tokens": 2000000, "batch_tokens": 8192, "learning_rate": 0.002,
   $(planted '"note": 6, "digest": 2, "prose": 2')},
  {"length": 1024, "tokens": 1500000, "batch_tokens": 16384, "learning_rate": 0.002,
   $(planted '"note": 6, "digest": 2, "prose": 2')},
  {"length": 2048, "tokens": 1200000, "batch_tokens": 16384, "learning_rate": 0.002,
   $(planted '"note": 6, "digest": 2, "prose": 2')},
  {"length": 4096, "tokens": 800000, "batch_tokens": 16384, "learning_rate": 0.002,
   $(planted '"note": 6, "digest": 2, "prose": 2')},
  {"length": 8192, "tokens": 600000, "batch_tokens": 16384, "learning_rate": 0.002,
   $(planted '"note": 6, "digest": 2, "prose": 2')}]}
END
[ -f dense/model.safetensors ] || "$program" train --config train.json -o dense

# Maps that save 36 % of the KV bytes at 8K tokens, chosen on texts and questions of the training's kind.
if [ ! -f tasks.jsonl ]; then
  awk -v documents=24 -v bytes=6500 -v notes=8 -v seed=1 -f "$root/data/plant_notes.awk" corpus/train/*.txt >tasks.part
  mv tasks.part tasks.jsonl
fi
explore=(-m dense --text corpus/train/debian-handbook.txt --length 2048 --samples 8 --ns 16 --nr 496
  --target-saving 36% --saving-length 8192)
[ -f map.json ] || "$program" explore "${explore[@]}" --task tasks.jsonl --by kld -o map.json
[ -f map-js.json ] || "$program" explore "${explore[@]}" --by js -o map-js.json

# A tenth of the training's tokens.
[ -f adapt.json ] || cat >adapt.json <<END
{"seed": 2, $roles, "loss": {"truth": 0.5, "teacher": 0.5},
 "stages": [
  {"length": 2048, "tokens": 600000, "batch_tokens": 16384, "learning_rate": 0.0005,
   $(planted '"note": 6, "digest": 2, "prose": 4')},
  {"length": 8192, "tokens": 500000, "batch_tokens": 16384, "learning_rate": 0.0005,
   $(planted '"note": 6, "digest": 2, "prose": 4')}]}
END
[ -f adapted/model.safetensors ] || "$program" adapt -m dense --map map.json --config adapt.json -o adapted
[ -f twin/model.safetensors ] || "$program" adapt -m dense --dense-twin --config adapt.json -o twin

# 616 facts: 11 depths of documents of eight lengths, seven each, in held-out text. The window has the bytes of PoD.
facts=(--style note --haystack corpus/held-out --facts 11 --repeats 7 -n 6 -q --lengths)
"$program" eval needle -m dense "${facts[@]}" 1k:8k:1k -o needle-dense.jsonl --svg needle-dense.svg \
  --also pod-js=pod:map=map-js.json --also pod-kld=pod:map=map.json --also window=window:ns=16,kv-budget=64%
"$program" eval needle -m twin "${facts[@]}" 1k:8k:1k -o needle-twin.jsonl
"$program" eval needle -m adapted "${facts[@]}" 1k:8k:1k -o needle-adapted.jsonl --svg needle-adapted.svg \
  --cache pod --map adapted/map.json
for cache in "dense" "snapkv --kv-budget 10%" "pod+snapkv --map adapted/map.json --kv-budget 10%"; do
  model=adapted
  [ "$cache" != dense ] || model=twin
  # shellcheck disable=SC2086  # a cache and its flags
  "$program" eval needle -m $model "${facts[@]}" 8k -o needle-selected.jsonl --cache $cache
done
cat corpus/held-out/*.txt >held-out.txt
prose=(-f held-out.txt --length 8192 --windows 16 -o ppl.jsonl)
"$program" eval ppl -m twin "${prose[@]}"
"$program" eval ppl -m adapted "${prose[@]}" --cache pod --map adapted/map.json
