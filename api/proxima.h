/* SPDX-License-Identifier: MIT */
/*
 * proxima as an oracle for other programs' tests: opens a Hugging Face folder, runs token ids through it and hands back
 * logits and named activations. C99. No exception leaves a function.
 *
 * A model is immutable and may be shared between threads; a result belongs to its caller. Every function that can fail
 * returns a status and, where `error` is not NULL, fills in a one-line message: what is wrong, where, what to do.
 */
#ifndef PROXIMA_H
#define PROXIMA_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define PROXIMA_API __attribute__((visibility("default")))
#else
#define PROXIMA_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The numbers are the command line's exit codes. */
typedef enum proxima_status {
  PROXIMA_OK = 0,
  PROXIMA_USAGE = 2,      /* arguments, ids outside the vocabulary, a point that does not exist */
  PROXIMA_INPUT = 3,      /* the model's folder or the map is not what it should be */
  PROXIMA_CONTEXT = 4,    /* more tokens than the model's context */
  PROXIMA_MEMORY = 5,     /* does not fit this machine */
  PROXIMA_NON_FINITE = 6, /* NaN or infinity while running */
  PROXIMA_INTERNAL = 100  /* a bug of proxima */
} proxima_status;

typedef struct proxima_error {
  char message[1024];
} proxima_error;

/* F64 and F32 give the same bits for any threads, chunk and instruction set. */
typedef enum proxima_precision { PROXIMA_F64 = 0, PROXIMA_F32 = 1, PROXIMA_FAST = 2 } proxima_precision;

typedef struct proxima_model proxima_model;
typedef struct proxima_result proxima_result;

typedef struct proxima_settings {
  proxima_precision precision; /* PROXIMA_F64 */
  const char* points;          /* names separated by commas, * stands for any text; NULL: "logits" */
  const char* map;             /* file of a sharing map: PoD with it; NULL: every layer keeps its own keys */
  const char* simd;            /* "scalar", "avx2", "avx512" or "neon"; NULL: the best */
  size_t n_threads;            /* 0: physical cores the process may use */
  size_t chunk;                /* tokens read at once; 0: all */
  size_t score_rows;           /* attn.scores are of the last so many queries; 0: 16 */
  int check_finite;            /* not 0: look at every tensor and stop at the first NaN or infinity, naming it */
} proxima_settings;

/* One tensor, widened exactly to double. Valid as long as its result. Row-major:
 * [tokens, columns]; q_rope and k_rope [heads, tokens, head_dim]; attn.scores [heads, score rows, tokens]. */
typedef struct proxima_tensor {
  const char* name; /* "logits", "layers.3.resid_post" */
  const double* data;
  size_t n_dims;
  size_t shape[3];
} proxima_tensor;

PROXIMA_API const char* proxima_version(void);

/* Opens and checks the whole checkpoint; a NaN weight is PROXIMA_INPUT. *model is NULL on failure. */
PROXIMA_API proxima_status proxima_open(const char* folder, proxima_model** model, proxima_error* error);
PROXIMA_API void proxima_close(proxima_model* model); /* NULL is allowed */

PROXIMA_API size_t proxima_n_layers(const proxima_model* model);
PROXIMA_API size_t proxima_n_vocab(const proxima_model* model);

/* All zero but for what is noted beside the members. */
PROXIMA_API proxima_settings proxima_default_settings(void);

/* Runs ids[0 .. n_ids) as one prompt. `settings` may be NULL. The model must outlive only the call. */
PROXIMA_API proxima_status proxima_forward(const proxima_model* model, const uint32_t* ids, size_t n_ids,
                                           const proxima_settings* settings, proxima_result** result,
                                           proxima_error* error);
PROXIMA_API void proxima_release(proxima_result* result); /* NULL is allowed */

/* The tensors in the order of computation; NULL beyond the last. */
PROXIMA_API size_t proxima_n_tensors(const proxima_result* result);
PROXIMA_API const proxima_tensor* proxima_tensor_at(const proxima_result* result, size_t index);
/* NULL where the result has none of this name. */
PROXIMA_API const proxima_tensor* proxima_find_tensor(const proxima_result* result, const char* name);

#ifdef __cplusplus
}
#endif

#endif
