"""Numbers that Python and Go draw alike, so that no golden file has to carry a tensor.

A tensor is drawn from its name alone:

    key      FNV-1a, 64 bits, of the name's UTF-8 bytes
    u[i]     splitmix64's finaliser of key + (i+1) * 0x9E3779B97F4A7C15, modulo 2**64
    unit[i]  (u[i] >> 40) / 2**24: in [0, 1), exact in float32
    value[i] center + (2*unit[i] - 1) * spread, in float32: the product is rounded, then the sum (not fused)

Definition for readers in other languages: graphs/artifacts/testdata/README.md.
"""

import numpy as np

GOLDEN_RATIO = 0x9E3779B97F4A7C15
MASK = (1 << 64) - 1


def key(name: str) -> int:
    """FNV-1a, 64 bits."""
    h = 0xCBF29CE484222325
    for b in name.encode():
        h = ((h ^ b) * 0x100000001B3) & MASK
    return h


def bits(name: str, n: int) -> np.ndarray:
    """The first n words u of the stream called name, uint64 [n]."""
    with np.errstate(over="ignore"):
        z = np.uint64(key(name)) + np.arange(1, n + 1, dtype=np.uint64) * np.uint64(GOLDEN_RATIO)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def unit(name: str, n: int) -> np.ndarray:
    """Uniform in [0, 1), float32 [n]."""
    return (bits(name, n) >> np.uint64(40)).astype(np.float32) * np.float32(2**-24)


def fill(name: str, n: int, center: float, spread: float) -> np.ndarray:
    """Uniform in [center-spread, center+spread), float32 [n]."""
    scaled = (np.float32(2) * unit(name, n) - np.float32(1)) * np.float32(spread)
    return scaled + np.float32(center)


def projection(name: str, k: int, values: np.ndarray) -> float:
    """Dot product of values with the k-th vector of signs for name: -1 where the top bit of u is set, else +1."""
    v = values.reshape(-1).astype(np.float64)
    negative = (bits(f"{name}.projection.{k}", v.size) >> np.uint64(63)).astype(bool)
    return float(np.where(negative, -v, v).sum())


def positions(name: str, n: int, limit: int, first: int) -> list[int]:
    """At most limit distinct positions below n, ascending: all where they fit, else first and random ones."""
    if n <= limit:
        return list(range(n))
    chosen = {first}
    for u in bits(f"{name}.positions", 4 * limit):
        if len(chosen) == limit:
            break
        chosen.add(int(u % np.uint64(n)))
    return sorted(chosen)
