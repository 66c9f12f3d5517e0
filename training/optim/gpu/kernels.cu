// The passes of package optim over arenas in a GPU's memory. They do the operations of the Go code in its order, and
// are compiled without fused multiply-adds that would round differently, so the bits are the same.
//
// tools/kernels/build.py makes kernels.ptx of this file, for GPUs from Turing on (compute capability 7.5).
// tools/cudastub compiles it as plain C, a thread after the other: so there is no shared memory and nothing that lets
// threads wait for each other, and a kernel K takes one argument, by value, of the type K_arguments.
#ifdef __cplusplus
#define KERNEL extern "C" __global__ void
#else
#define KERNEL __global__ void
#endif

typedef long long int64;

// Of optim.Norm: the elements that are summed on their own, and the sums that they are dealt to.
#define CHUNK 65536
#define LANES 32

static __device__ int64 thread(void) { return (int64)blockIdx.x * blockDim.x + threadIdx.x; }

// add: optim.Add, four elements a thread.
typedef struct {
	float4 *sum;
	const float4 *gradients;
	int64 n; // float4s
} add_arguments;

KERNEL add(add_arguments a) {
	int64 i = thread();
	if (i >= a.n) return;
	float4 s = a.sum[i], g = a.gradients[i];
	s.x += g.x;
	s.y += g.y;
	s.z += g.z;
	s.w += g.w;
	a.sum[i] = s;
}

// squares: the first pass of optim.Norm. Lane l of a chunk adds the squares of the chunk's elements l, l+32, … in
// order; 32 neighbouring threads read 32 neighbouring elements. A square is exact in double, so fma rounds like Go's
// two operations.
typedef struct {
	const float *gradients;
	double *sums; // [chunks][LANES]
	int64 n;      // elements
} squares_arguments;

KERNEL squares(squares_arguments a) {
	int64 t = thread(), start = t / LANES * CHUNK + t % LANES;
	if (t / LANES * CHUNK >= a.n) return;
	int64 end = t / LANES * CHUNK + CHUNK;
	if (end > a.n) end = a.n;
	double sum = 0;
#pragma unroll 8
	for (int64 i = start; i < end; i += LANES) {
		double e = a.gradients[i];
		sum = fma(e, e, sum);
	}
	a.sums[t] = sum;
}

// fold: the second pass, a chunk a thread. It folds the chunk's sums in halves.
typedef struct {
	const double *sums; // [chunks][LANES]
	double *totals;     // [chunks]
	int64 chunks;
} fold_arguments;

KERNEL fold(fold_arguments a) {
	int64 t = thread();
	if (t >= a.chunks) return;
	double sum[LANES];
#pragma unroll
	for (int i = 0; i < LANES; i++) sum[i] = a.sums[t * LANES + i];
#define HALVE(n) \
	for (int i = 0; i < n; i++) sum[i] += sum[i + n];
	HALVE(16)
	HALVE(8)
	HALVE(4)
	HALVE(2)
	a.totals[t] = sum[0] + sum[1];
}

// Status in Go.
typedef struct {
	double squares, norm;
	float scale;
	int finite;
} status;

// finish: the last pass, by one thread. It adds the chunks' sums in order and takes the factor of the gradients from
// optim.ClipScale.
typedef struct {
	const double *totals; // [chunks]
	int64 chunks;
	double divisor, clip;
	status *result;
} finish_arguments;

KERNEL finish(finish_arguments a) {
	double total = 0;
#pragma unroll 16
	for (int64 i = 0; i < a.chunks; i++) total += a.totals[i];
	double norm = sqrt(total) / a.divisor, factor = 1;
	if (a.clip > 0) {
		factor = a.clip / (norm + 1e-6);
		if (factor >= 1) factor = 1; // NaN stays
	}
	status s;
	s.squares = total;
	s.norm = norm;
	s.scale = (float)(factor / a.divisor);
	s.finite = norm - norm == 0;
	*a.result = s;
}

// A piece of a group, which one block updates.
typedef struct {
	int64 start, end; // float4s
	int64 group;
} piece;

// optim.Coefficients; the factor of the gradients is that of the status.
typedef struct {
	float scale, decay, weight1, beta2, weight2, root_bias, eps, rate;
} coefficients;

static __device__ float4 blend(float4 average, float4 parameters, float keep, float take) {
	average.x = keep * average.x + take * parameters.x;
	average.y = keep * average.y + take * parameters.y;
	average.z = keep * average.z + take * parameters.z;
	average.w = keep * average.w + take * parameters.w;
	return average;
}

// average: optim.Average by itself. With several GPUs it follows when the parameters of all are there.
typedef struct {
	float4 *average;
	const float4 *parameters;
	const piece *pieces;
	const status *state;
	float keep, take; // weights of the average and of the parameters
	int skip;         // change nothing if the norm is not finite
} average_arguments;

KERNEL average(average_arguments a) {
	if (a.skip && !a.state->finite) return;
	piece range = a.pieces[blockIdx.x];
	for (int64 i = range.start + threadIdx.x; i < range.end; i += blockDim.x)
		a.average[i] = blend(a.average[i], a.parameters[i], a.keep, a.take);
}

// adamw: optim.AdamW.Step and, where there is an average, optim.Average.
typedef struct {
	float4 *parameters, *moment1, *moment2;
	float4 *average; // or NULL
	const float4 *gradients;
	const piece *pieces;
	const coefficients *groups;
	const status *state;
	float keep, take; // weights of the average and of the parameters
	int skip;         // change nothing if the norm is not finite
} adamw_arguments;

static __device__ float update(float p, float grad, float *m, float *v, coefficients c) {
	*m = *m + c.weight1 * (grad - *m);
	*v = *v * c.beta2 + c.weight2 * grad * grad;
	return p * c.decay + c.rate * *m / (sqrtf(*v) / c.root_bias + c.eps);
}

KERNEL adamw(adamw_arguments a) {
	float scale = a.state->scale;
	if (a.skip && !a.state->finite) return;
	piece range = a.pieces[blockIdx.x];
	coefficients c = a.groups[range.group];
	for (int64 i = range.start + threadIdx.x; i < range.end; i += blockDim.x) {
		float4 p = a.parameters[i], g = a.gradients[i], m = a.moment1[i], v = a.moment2[i];
		p.x = update(p.x, g.x * scale, &m.x, &v.x, c);
		p.y = update(p.y, g.y * scale, &m.y, &v.y, c);
		p.z = update(p.z, g.z * scale, &m.z, &v.z, c);
		p.w = update(p.w, g.w * scale, &m.w, &v.w, c);
		a.parameters[i] = p;
		a.moment1[i] = m;
		a.moment2[i] = v;
		if (a.average) a.average[i] = blend(a.average[i], p, a.keep, a.take);
	}
}
