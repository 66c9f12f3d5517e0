#include "bridge.h"
#include "_cgo_export.h"

static const OrtApi *api;

static const OrtApiBase *base(void *get_api_base) {
	return ((const OrtApiBase *(ORT_API_CALL *)(void))get_api_base)();
}

const char *fovea_version(void *get_api_base) {
	const OrtApiBase *b = base(get_api_base);
	return b ? b->GetVersionString() : NULL;
}

int fovea_use(void *get_api_base) {
	const OrtApiBase *b = base(get_api_base);
	const OrtApi *a = b ? b->GetApi(FOVEA_API) : NULL;
	if (a) api = a;
	return a != NULL;
}

const OrtApi *fovea_api(void) { return api; }

char *fovea_message(OrtStatus *status) {
	if (!status) return NULL;
	const char *text = api->GetErrorMessage(status);
	size_t n = strlen(text) + 1;
	char *copy = malloc(n);
	if (copy) memcpy(copy, text, n);
	api->ReleaseStatus(status);
	return copy;
}

// The runtime calls this from any of its threads. Go runs an exported function
// on a thread it did not start as on its own; foveaLog calls nothing of the runtime.
static void ORT_API_CALL log_line(void *param, OrtLoggingLevel severity, const char *category, const char *id,
                                  const char *location, const char *message) {
	(void)param;
	foveaLog((int)severity, (char *)category, (char *)id, (char *)location, (char *)message);
}

static OrtMemoryInfo *host;

OrtStatus *fovea_environment(int severity) {
	// The environment is one object counted by references. It is never
	// released, so that it outlives every session.
	static OrtEnv *env;
	if (!host) {
		OrtStatus *status = api->CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, &host);
		if (status) return status;
	}
	return api->CreateEnvWithCustomLogger(log_line, NULL, (OrtLoggingLevel)severity, "fovea", &env);
}

OrtStatus *fovea_providers(char ***names, int *count) { return api->GetAvailableProviders(names, count); }

void fovea_release_providers(char **names, int count) {
	OrtStatus *status = api->ReleaseAvailableProviders(names, count);
	if (status) api->ReleaseStatus(status);
}

OrtStatus *fovea_tensor(void *data, size_t bytes, const int64_t *shape, size_t rank, int type,
                        OrtValue **value) {
	return api->CreateTensorWithDataAsOrtValue(host, data, bytes, shape, rank,
	                                           (ONNXTensorElementDataType)type, value);
}

OrtStatus *fovea_device_tensor(int gpu, uintptr_t address, size_t bytes, const int64_t *shape, size_t rank, int type,
                               OrtValue **value) {
	OrtMemoryInfo *device;
	OrtStatus *status = api->CreateMemoryInfo("Cuda", OrtDeviceAllocator, gpu, OrtMemTypeDefault, &device);
	if (status) return status;
	status = api->CreateTensorWithDataAsOrtValue(device, (void *)address, bytes, shape, rank,
	                                             (ONNXTensorElementDataType)type, value);
	api->ReleaseMemoryInfo(device);
	return status;
}

OrtStatus *fovea_enqueue(OrtSession *s, OrtIoBinding *b) {
	static OrtRunOptions *options;
	if (!options) {
		OrtRunOptions *made;
		OrtStatus *status = api->CreateRunOptions(&made);
		if (!status) status = api->AddRunConfigEntry(made, "disable_synchronize_execution_providers", "1");
		if (status) return status;
		options = made;
	}
	return api->RunWithBinding(s, options, b);
}

void fovea_release_value(OrtValue *value) { api->ReleaseValue(value); }

OrtStatus *fovea_count(OrtSession *s, int output, size_t *count) {
	return output ? api->SessionGetOutputCount(s, count) : api->SessionGetInputCount(s, count);
}

static OrtStatus *describe_tensor(const OrtTypeInfo *info, int *type, int64_t **dims, size_t *rank) {
	const OrtTensorTypeAndShapeInfo *tensor = NULL;
	OrtStatus *status = api->CastTypeInfoToTensorInfo(info, &tensor);
	if (status || !tensor) return status;
	ONNXTensorElementDataType element;
	if ((status = api->GetTensorElementType(tensor, &element))) return status;
	*type = (int)element;
	if ((status = api->GetDimensionsCount(tensor, rank))) return status;
	*dims = calloc(*rank + 1, sizeof **dims);
	if (!*dims) return api->CreateStatus(ORT_FAIL, "out of memory");
	return api->GetDimensions(tensor, *dims, *rank);
}

OrtStatus *fovea_describe(OrtSession *s, int output, size_t i, char **name, int *type, int64_t **dims,
                          size_t *rank) {
	OrtAllocator *allocator;
	OrtStatus *status = api->GetAllocatorWithDefaultOptions(&allocator);
	if (status) return status;
	char *given;
	status = output ? api->SessionGetOutputName(s, i, allocator, &given)
	                : api->SessionGetInputName(s, i, allocator, &given);
	if (status) return status;
	size_t n = strlen(given) + 1;
	*name = malloc(n);
	if (*name) memcpy(*name, given, n);
	allocator->Free(allocator, given);
	if (!*name) return api->CreateStatus(ORT_FAIL, "out of memory");

	OrtTypeInfo *info;
	status = output ? api->SessionGetOutputTypeInfo(s, i, &info) : api->SessionGetInputTypeInfo(s, i, &info);
	if (status) return status;
	status = describe_tensor(info, type, dims, rank);
	api->ReleaseTypeInfo(info);
	return status;
}

OrtStatus *fovea_options(OrtRunOptions **options) { return api->CreateRunOptions(options); }

void fovea_terminate(OrtRunOptions *options) {
	OrtStatus *status = api->RunOptionsSetTerminate(options);
	if (status) api->ReleaseStatus(status);
}

void fovea_release_options(OrtRunOptions *options) { api->ReleaseRunOptions(options); }

OrtStatus *fovea_run_bound(OrtSession *s, OrtIoBinding *b, const OrtRunOptions *options) {
	return api->RunWithBinding(s, options, b);
}

OrtStatus *fovea_run(OrtSession *s, const OrtRunOptions *options, const char *const *inputs, const OrtValue *const *values, size_t n,
                     const char *const *outputs, size_t m, OrtValue **results) {
	return api->Run(s, options, inputs, values, n, outputs, m, results);
}

OrtStatus *fovea_content(OrtValue *value, int *type, int64_t **dims, size_t *rank, void **data) {
	OrtTypeInfo *info;
	OrtStatus *status = api->GetTypeInfo(value, &info);
	if (status) return status;
	status = describe_tensor(info, type, dims, rank);
	api->ReleaseTypeInfo(info);
	if (status || *type == 0 || *type == ONNX_TENSOR_ELEMENT_DATA_TYPE_STRING) return status;
	return api->GetTensorMutableData(value, data);
}

OrtStatus *fovea_end_profile(OrtSession *s, char **path) {
	OrtAllocator *allocator;
	OrtStatus *status = api->GetAllocatorWithDefaultOptions(&allocator);
	if (status) return status;
	char *given;
	if ((status = api->SessionEndProfiling(s, allocator, &given))) return status;
	size_t n = strlen(given) + 1;
	*path = malloc(n);
	if (*path) memcpy(*path, given, n);
	allocator->Free(allocator, given);
	return *path ? NULL : api->CreateStatus(ORT_FAIL, "out of memory");
}

OrtStatus *fovea_subgraphs(OrtSession *s, const OrtEpAssignedSubgraph *const **g, size_t *count) {
	return api->Session_GetEpGraphAssignmentInfo(s, g, count);
}

OrtStatus *fovea_nodes(const OrtEpAssignedSubgraph *g, const char **provider,
                       const OrtEpAssignedNode *const **n, size_t *count) {
	OrtStatus *status = api->EpAssignedSubgraph_GetEpName(g, provider);
	return status ? status : api->EpAssignedSubgraph_GetNodes(g, n, count);
}

OrtStatus *fovea_node(const OrtEpAssignedNode *n, const char **name, const char **domain, const char **op) {
	OrtStatus *status = api->EpAssignedNode_GetName(n, name);
	if (!status) status = api->EpAssignedNode_GetDomain(n, domain);
	return status ? status : api->EpAssignedNode_GetOperatorType(n, op);
}

void fovea_free(void *p) { free(p); }
