// What the Go side needs of the C interface beyond github.com/yalue/onnxruntime_go.
// Every name begins with fovea_: that module puts its own, unprefixed names into
// the same program.
#ifndef FOVEA_ORT_BRIDGE_H
#define FOVEA_ORT_BRIDGE_H

#include "include/onnxruntime_c_api.h"

// The oldest interface that holds every function used here and in yalue v1.31.0.
enum { FOVEA_API = 26 };

// fovea_version calls the library's OrtGetApiBase; fovea_use asks it for
// FOVEA_API and keeps it for all functions below. NULL and 0 mean refused.
const char *fovea_version(void *get_api_base);
int fovea_use(void *get_api_base);
const OrtApi *fovea_api(void);

// fovea_message takes a status over: it returns its text, to be freed, or NULL for success.
char *fovea_message(OrtStatus *status);

// fovea_environment creates the process-wide environment, whose log goes to foveaLog.
OrtStatus *fovea_environment(int severity);

OrtStatus *fovea_providers(char ***names, int *count);
void fovea_release_providers(char **names, int count);

OrtStatus *fovea_tensor(void *data, size_t bytes, const int64_t *shape, size_t rank, int type,
                        OrtValue **value);
// fovea_device_tensor is over memory of the GPU of a number.
OrtStatus *fovea_device_tensor(int gpu, uintptr_t address, size_t bytes, const int64_t *shape, size_t rank, int type,
                               OrtValue **value);
void fovea_release_value(OrtValue *value);

// fovea_count and fovea_describe look at a session's inputs (output = 0) or outputs (1).
// name and dims are to be freed with fovea_free; a dimension of -1 is symbolic;
// type is 0 for what is no tensor.
OrtStatus *fovea_count(OrtSession *s, int output, size_t *count);
OrtStatus *fovea_describe(OrtSession *s, int output, size_t i, char **name, int *type, int64_t **dims,
                          size_t *rank);

// fovea_enqueue runs a session on the stream that it was made with and does not wait for it.
OrtStatus *fovea_enqueue(OrtSession *s, OrtIoBinding *b);

// fovea_options makes options of runs that fovea_terminate ends from another thread.
OrtStatus *fovea_options(OrtRunOptions **options);
void fovea_terminate(OrtRunOptions *options);
void fovea_release_options(OrtRunOptions *options);

// fovea_run_bound runs a session with its binding and waits. options may be NULL.
OrtStatus *fovea_run_bound(OrtSession *s, OrtIoBinding *b, const OrtRunOptions *options);

// fovea_run allocates the results, which are to be released. options may be NULL.
OrtStatus *fovea_run(OrtSession *s, const OrtRunOptions *options, const char *const *inputs, const OrtValue *const *values, size_t n,
                     const char *const *outputs, size_t m, OrtValue **results);

// fovea_content looks at a value as fovea_describe does. data belongs to the value; it is
// NULL for what is no tensor and for strings.
OrtStatus *fovea_content(OrtValue *value, int *type, int64_t **dims, size_t *rank, void **data);

OrtStatus *fovea_end_profile(OrtSession *s, char **path);

// fovea_placement_* walk over the nodes recorded under session.record_ep_graph_assignment_info.
// The strings belong to the session.
OrtStatus *fovea_subgraphs(OrtSession *s, const OrtEpAssignedSubgraph *const **g, size_t *count);
OrtStatus *fovea_nodes(const OrtEpAssignedSubgraph *g, const char **provider,
                       const OrtEpAssignedNode *const **n, size_t *count);
OrtStatus *fovea_node(const OrtEpAssignedNode *n, const char **name, const char **domain, const char **op);

void fovea_free(void *p);

#endif
