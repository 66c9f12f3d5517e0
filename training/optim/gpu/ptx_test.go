package gpu

import (
	"crypto/sha256"
	"fmt"
	"os"
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
	for _, options := range []string{"--fmad=false", "--prec-div=true", "--prec-sqrt=true", "--ftz=false"} {
		if !strings.Contains(string(ptx), options) {
			t.Errorf("kernels.ptx was made without %s", options)
		}
	}
}
