# SPDX-License-Identifier: MIT
# Documents of paragraphs with notes planted in them, each with a question for one note, as lines {"context", "answer"}
# for `proxima explore --task` and `adapt --tasks`; wording and chat tokens are those of the demo model's training.
# usage: awk -v documents=24 -v bytes=7000 -v notes=8 -v seed=1 -f data/plant_notes.awk TEXT... >tasks.jsonl

# Of a list of words between blanks.
function pick(list, words, n) {
  n = split(list, words, " ")
  return words[1 + int(rand() * n)]
}

# Some of the words that the training's names are made of.
function name() {
  return pick("old quiet narrow grey golden hollow gentle early wooden patient pale dusty distant humble keen noble " \
              "rough silent vivid ancient clever eager iron kind mighty open rapid tender velvet amber calm deep") " " \
         pick("harbour orchard lantern miller garden letter kettle ladder tower village chimney barrel needle mirror " \
              "candle hammer castle cottage engine feather forest island journey lamp museum ocean parcel pigeon " \
              "quarry railway sailor shepherd signal stove temple ticket valley violin window wolf anchor badger")
}

function quoted(text, parts, n, i) {
  n = split(text, parts, /\\/)  # awks differ in what gsub makes of backslashes
  text = parts[1]
  for (i = 2; i <= n; i++) text = text "\\\\" parts[i]
  gsub(/"/, "\\\"", text)
  gsub(/\n/, "\\n", text)
  return "\"" text "\""
}

NF > 0 { paragraphs[n_paragraphs++] = $0 }

END {
  srand(seed)
  for (document = 0; document < documents; document++) {
    first = int(rand() * (n_paragraphs - bytes / 50))
    n = size = 0
    while (size < bytes && first + n < n_paragraphs) size += length(paragraphs[first + n++])
    split("", after)
    split("", taken)
    asked = int(rand() * notes)
    for (note = 0; note < notes; note++) {
      do who = name(); while (who in taken)
      taken[who]
      value = int(1000 + rand() * 9000)
      place = int(rand() * n)
      after[place] = after[place] " Note: the number of the " who " is " value "."
      if (note == asked) { question = who; answer = value }
    }
    text = ""
    for (i = 0; i < n; i++) text = text (i > 0 ? "\n\n" : "") paragraphs[first + i] after[i]
    text = "<|user|>" text "\nWhat is the number of the " question "?<|end|><|assistant|>"
    print "{\"context\": " quoted(text) ", \"answer\": " quoted(answer "") "}"
  }
}
