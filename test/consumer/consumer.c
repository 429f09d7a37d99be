/* SPDX-License-Identifier: MIT */
/* usage: consumer MODEL_FOLDER DUMP_FOLDER
 * Runs the ids of a `proxima dump --format npy --precision f64` of logits and layers.1.k_rope through the library: both
 * must come out with the same bits. */
#include <proxima.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(int good, const char* what) {
  if (good) return;
  fprintf(stderr, "consumer: %s\n", what);
  exit(1);
}

/* The elements of a .npy file of 8-byte elements; the caller frees them. */
static void* read_npy(const char* folder, const char* name, size_t* n_elements) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s.npy", folder, name);
  FILE* file = fopen(path, "rb");
  check(file != NULL, path);
  unsigned char head[10];
  check(fread(head, 1, sizeof head, file) == sizeof head && memcmp(head, "\x93NUMPY", 6) == 0, "not a .npy file");
  const long begin = (long)sizeof head + head[8] + 256 * head[9];
  check(fseek(file, 0, SEEK_END) == 0, "seek");
  const size_t n_bytes = (size_t)(ftell(file) - begin);
  void* data = malloc(n_bytes);
  check(data != NULL && fseek(file, begin, SEEK_SET) == 0 && fread(data, 1, n_bytes, file) == n_bytes, "read");
  fclose(file);
  *n_elements = n_bytes / 8;
  return data;
}

static void compare(const proxima_result* result, const char* name, const char* folder) {
  size_t n_expected = 0;
  double* expected = read_npy(folder, name, &n_expected);
  const proxima_tensor* tensor = proxima_find_tensor(result, name);
  check(tensor != NULL, name);
  size_t n = 1;
  for (size_t axis = 0; axis < tensor->n_dims; ++axis) n *= tensor->shape[axis];
  check(n == n_expected && n > 0, "another number of elements");
  check(memcmp(tensor->data, expected, n * sizeof(double)) == 0, "other bits");
  printf("%s: %zu elements, the same bits\n", name, n);
  free(expected);
}

int main(int argc, char** argv) {
  check(argc == 3, "usage: consumer MODEL_FOLDER DUMP_FOLDER");
  proxima_error error;
  proxima_model* model = NULL;
  check(proxima_open("/nowhere", &model, &error) == PROXIMA_INPUT && model == NULL,
        "a missing folder is an input error");
  check(strstr(error.message, "/nowhere") != NULL, "the message names the folder");
  check(proxima_open(argv[1], &model, &error) == PROXIMA_OK, error.message);

  size_t n_ids = 0;
  int64_t* stored = read_npy(argv[2], "input_ids", &n_ids);
  uint32_t* ids = malloc(n_ids * sizeof *ids);
  check(ids != NULL, "memory");
  for (size_t index = 0; index < n_ids; ++index) ids[index] = (uint32_t)stored[index];

  proxima_settings settings = proxima_default_settings();
  settings.points = "logits,layers.1.k_rope";
  proxima_result* result = NULL;
  check(proxima_forward(model, ids, n_ids, &settings, &result, &error) == PROXIMA_OK, error.message);
  check(proxima_n_tensors(result) == 2, "two tensors");
  compare(result, "logits", argv[2]);
  compare(result, "layers.1.k_rope", argv[2]);
  proxima_release(result);

  ids[0] = (uint32_t)proxima_n_vocab(model);
  check(proxima_forward(model, ids, n_ids, NULL, &result, &error) == PROXIMA_USAGE && result == NULL,
        "an id outside the vocabulary is a usage error");
  proxima_close(model);
  free(ids);
  free(stored);
  return 0;
}
