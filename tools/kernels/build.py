#!/usr/bin/env python3
"""Compiles training/optim/gpu/kernels.cu to the PTX beside it, and assembles that for every GPU it is to run on.

    build.py [WHEELS]   # WHEELS: a folder with the two packages below; they are downloaded (100 MB) if it is not given

Needs pip, no GPU and no CUDA toolkit. The arithmetic is IEEE's, with nothing fused, so that a GPU gives the bits of
package optim. The output ends with registers and spills of each kernel and architecture; a spill fails.

NVRTC 13.0 labels all that it makes as PTX ISA 9.0, which only drivers of CUDA 13.0 (580) read, and makes nothing for GPUs
before Turing (7.5). The kernels use nothing that PTX ISA 6.3 and Pascal (6.0) lack: the labels say so, and ptxas 12.9,
the last one for Pascal, holds the text to them. Every driver and GPU that a GPU build of ONNX Runtime accepts reads it.
"""
import ctypes, hashlib, pathlib, re, subprocess, sys, tempfile, zipfile

PACKAGES = "nvidia-cuda-nvrtc==13.0.88", "nvidia-cuda-nvcc-cu12==12.9.86"
OPTIONS = "--gpu-architecture=compute_75", "--fmad=false", "--prec-div=true", "--prec-sqrt=true", "--ftz=false"
ISA, TARGET = "6.3", "sm_60"
ARCHITECTURES = 60, 70, 75, 80, 86, 89, 90, 100, 120
SOURCE = pathlib.Path(__file__).resolve().parents[2] / "training/optim/gpu/kernels.cu"


def compile(nvrtc, source):
    def call(name, *arguments):
        result = getattr(nvrtc, name)(*arguments)
        if result:
            nvrtc.nvrtcGetErrorString.restype = ctypes.c_char_p
            raise SystemExit(f"{name}: {nvrtc.nvrtcGetErrorString(result).decode()}\n{text('ProgramLog')}")

    def text(what):
        size = ctypes.c_size_t()
        call(f"nvrtcGet{what}Size", program, ctypes.byref(size))
        buffer = ctypes.create_string_buffer(size.value)
        call(f"nvrtcGet{what}", program, buffer)
        return buffer.value.decode()

    program = ctypes.c_void_p()
    call("nvrtcCreateProgram", ctypes.byref(program), source, SOURCE.name.encode(), 0, None, None)
    options = (ctypes.c_char_p * len(OPTIONS))(*(o.encode() for o in OPTIONS))
    call("nvrtcCompileProgram", program, len(OPTIONS), options)
    return text("PTX")


def main(wheels, work):
    if not wheels:
        wheels = work / "wheels"
        subprocess.check_call([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:",
                               "-d", wheels, *PACKAGES])
    for package in PACKAGES:
        name, version = package.replace("-", "_").split("==")
        with zipfile.ZipFile(next(wheels.glob(f"{name}-{version}-*.whl"))) as z:
            z.extractall(work)
    # NVRTC looks for its second library by name.
    ctypes.CDLL(str(next(work.rglob("libnvrtc-builtins.so.*"))), mode=ctypes.RTLD_GLOBAL)
    source = SOURCE.read_bytes()
    ptx = compile(ctypes.CDLL(str(next(work.rglob("libnvrtc.so.*")))), source)
    ptx = re.sub(r"^\.version .*$", ".version " + ISA, ptx.strip("\n"), count=1, flags=re.M)
    ptx = re.sub(r"^\.target .*$", ".target " + TARGET, ptx, count=1, flags=re.M)
    ptx = re.sub(r"[ \t]+$", "", ptx, flags=re.M)
    header = f"// Made by tools/kernels/build.py with {PACKAGES[0]} {' '.join(OPTIONS)}\n"
    header += f"// from {SOURCE.name}, SHA-256 {hashlib.sha256(source).hexdigest()}\n"
    target = work / "kernels.ptx"
    target.write_text(header + ptx + "\n")

    ptxas = next(work.rglob("ptxas"))
    ptxas.chmod(0o755)
    for architecture in ARCHITECTURES:
        said = subprocess.run([ptxas, f"-arch=sm_{architecture}", "-v", target, "-o", work / "cubin"], check=True,
                              capture_output=True, text=True).stderr
        kernels = re.findall(r"entry function '(\w+)'.*?(\d+) bytes stack frame, (\d+) bytes spill stores, "
                             r"(\d+) bytes spill loads.*?Used (\d+) registers", said, re.S)
        print(f"sm_{architecture}:", ", ".join(f"{k} {registers} registers" for k, *_, registers in kernels))
        if len(kernels) != len(re.findall(r"\.entry", ptx)) or any(set(n) != {"0"} for k in kernels for n in k[1:4]):
            raise SystemExit(f"a kernel spills, or is missing:\n{said}")
    SOURCE.with_suffix(".ptx").write_bytes(target.read_bytes())


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        main(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else None, pathlib.Path(folder))
