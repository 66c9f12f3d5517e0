package install

import (
	"context"
	"os"
	"path/filepath"

	"fovea/onnx/ort"
)

// EnvNCCL names the environment variable with the path of NCCL, NVIDIA's library that joins GPUs.
const EnvNCCL = "FOVEA_NCCL"

// NCCL returns the path of NCCL: that of FOVEA_NCCL, else of the first in the folders in which NVIDIA's libraries are
// searched for (pip packages nvidia-nccl-cu12 and nvidia-nccl-cu13 among them). Without one it is the bare name, which
// the system's loader may know.
func NCCL(ctx context.Context) string {
	const name = "libnccl.so.2"
	if path := os.Getenv(EnvNCCL); path != "" {
		return path
	}
	version, library := 0, ""
	if l := ort.InUse(); l != nil {
		library = l.Path
		if r, err := requirementsOf(providerOf(library)); err == nil {
			version = r.cuda
		}
	}
	// NCCL brings CUDA's runtime inside and meets others by the driver only, so any version that the driver can run will do.
	for p := range places(ctx, library, version) {
		path := filepath.Join(p.folder, name)
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return name
}
