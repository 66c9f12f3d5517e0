package gpu

import (
	"crypto/sha256"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

func TestPTXBelongsToSource(t *testing.T) {
	source, err := os.ReadFile("kernels.cu")
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("from kernels.cu, SHA-256 %x\n", sha256.Sum256(source)); !strings.Contains(string(ptx), want) {
		t.Error("kernels.ptx was made from another kernels.cu: run python3 tools/kernels/build.py")
	}
	// The driver may fuse or flush what does not say how it is rounded.
	arithmetic := regexp.MustCompile(`(?m)^\s*(add|sub|mul|div|sqrt|fma|mad)\.\S*f(32|64)\b`)
	for _, line := range arithmetic.FindAllString(string(ptx), -1) {
		if !strings.Contains(line, ".rn.") || strings.Contains(line, "ftz") || strings.Contains(line, "fma.rn.f32") {
			t.Errorf("kernels.ptx has%s: it must round each operation by itself", line)
		}
	}
}
