#include "signals.h"

#include <stdatomic.h>
#include <stdlib.h>

// A flag is the state of a node's kernel.
struct flag {
	atomic_int turn; // the how-manieth node of the run it was; 0: it has not run yet
	struct fovea_signals *of;
};

// The runtime passes op to the functions below: it is the first member, so its address is that of the whole.
struct fovea_signals {
	OrtCustomOp op;
	const OrtApi *api;
	OrtCustomOpDomain *domain;
	atomic_int raised;
	size_t count;
	struct flag flags[];
};

static const char *ORT_API_CALL name(const OrtCustomOp *op) { return (void)op, FOVEA_SIGNAL; }
static const char *ORT_API_CALL provider(const OrtCustomOp *op) { return (void)op, NULL; }
static size_t ORT_API_CALL one(const OrtCustomOp *op) { return (void)op, 1; }
static int ORT_API_CALL yes(const OrtCustomOp *op) { return (void)op, 1; }
static ONNXTensorElementDataType ORT_API_CALL type(const OrtCustomOp *op, size_t i) {
	return (void)op, (void)i, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT;
}
static OrtCustomOpInputOutputCharacteristic ORT_API_CALL input(const OrtCustomOp *op, size_t i) {
	return (void)op, (void)i, INPUT_OUTPUT_VARIADIC;
}
static OrtCustomOpInputOutputCharacteristic ORT_API_CALL output(const OrtCustomOp *op, size_t i) {
	return (void)op, (void)i, INPUT_OUTPUT_REQUIRED;
}
static OrtMemType ORT_API_CALL memory(const OrtCustomOp *op, size_t i) { return (void)op, (void)i, OrtMemTypeDefault; }

static OrtStatus *ORT_API_CALL create(const OrtCustomOp *op, const OrtApi *api, const OrtKernelInfo *info, void **kernel) {
	struct fovea_signals *s = (struct fovea_signals *)op;
	int64_t index;
	OrtStatus *status = api->KernelInfoGetAttribute_int64(info, "index", &index);
	if (status) return status;
	if (index < 0 || (size_t)index >= s->count) return api->CreateStatus(ORT_INVALID_GRAPH, "a signal has no such index");
	*kernel = &s->flags[index];
	return NULL;
}

static OrtStatus *ORT_API_CALL compute(void *kernel, OrtKernelContext *context) {
	struct flag *f = kernel;
	OrtValue *nothing;
	OrtStatus *status = f->of->api->KernelContext_GetOutput(context, 0, NULL, 0, &nothing);
	if (!status) atomic_store_explicit(&f->turn, 1 + atomic_fetch_add(&f->of->raised, 1), memory_order_release);
	return status;
}

static void ORT_API_CALL destroy(void *kernel) { (void)kernel; }

struct fovea_signals *fovea_signals(size_t count) {
	struct fovea_signals *s = calloc(1, sizeof *s + count * sizeof s->flags[0]);
	if (!s) return NULL;
	s->op = (OrtCustomOp){.version = FOVEA_API, .GetName = name, .GetExecutionProviderType = provider,
		.GetInputType = type, .GetInputTypeCount = one, .GetOutputType = type, .GetOutputTypeCount = one,
		.KernelDestroy = destroy, .GetInputCharacteristic = input, .GetOutputCharacteristic = output,
		.GetInputMemoryType = memory, .GetVariadicInputMinArity = yes, .GetVariadicInputHomogeneity = yes,
		.GetVariadicOutputMinArity = yes, .GetVariadicOutputHomogeneity = yes, .CreateKernelV2 = create,
		.KernelComputeV2 = compute, .GetStartVersion = yes, .GetEndVersion = yes};
	s->api = fovea_api();
	s->count = count;
	for (size_t i = 0; i < count; i++) s->flags[i].of = s;
	return s;
}

OrtStatus *fovea_signals_add(struct fovea_signals *s, OrtSessionOptions *options) {
	OrtStatus *status = NULL;
	if (!s->domain) {
		status = s->api->CreateCustomOpDomain(FOVEA_DOMAIN, &s->domain);
		if (!status) status = s->api->CustomOpDomain_Add(s->domain, &s->op);
	}
	if (!status) status = s->api->AddCustomOpDomain(options, s->domain);
	return status;
}

void fovea_signals_reset(struct fovea_signals *s) {
	atomic_store(&s->raised, 0);
	for (size_t i = 0; i < s->count; i++) atomic_store(&s->flags[i].turn, 0);
}

int fovea_signals_turn(struct fovea_signals *s, size_t i) {
	return atomic_load_explicit(&s->flags[i].turn, memory_order_acquire);
}

void fovea_signals_free(struct fovea_signals *s) {
	if (s->domain) s->api->ReleaseCustomOpDomain(s->domain);
	free(s);
}
