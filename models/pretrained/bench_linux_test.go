package pretrained

import (
	"archive/zip"
	"bufio"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fovea/graphs/vit"
	"fovea/onnx/weights"

	"golang.org/x/sys/unix"
)

// BenchmarkLoad loads RETFound's model from a pre-training file of full size: 1.3 GB of weights and twice as much of
// Adam's state, written to a temporary folder. extra-MB is what the process has more afterwards than before, beside the
// file's pages and the parameters themselves. From the page cache (warm) and from the disk (cold).
func BenchmarkLoad(b *testing.B) {
	c := vit.Config{ImageSize: 224, Patch: 16, Width: 1024, Depth: 24, Heads: 16, Classes: 5, Pool: vit.Mean}
	model := parameters(c)
	path := filepath.Join(b.TempDir(), "full.pth")
	writeFull(b, path, pretraining(c))
	arena := make([][]float32, len(model))
	for i, p := range model {
		arena[i] = make([]float32, elements(p.Shape))
		for k := range arena[i] {
			arena[i][k] = 1
		}
	}
	for _, cold := range []bool{false, true} {
		b.Run(map[bool]string{false: "warm", true: "cold"}[cold], func(b *testing.B) {
			extra := 0
			for b.Loop() {
				b.StopTimer()
				if cold {
					drop(b, path)
				}
				before := anonymous(b)
				b.StartTimer()
				f, err := weights.Open(path)
				if err != nil {
					b.Fatal(err)
				}
				m, err := New(f, model, Options{})
				if err == nil {
					err = m.Load(func(i int) []float32 { return arena[i] }, 0)
				}
				if err != nil || len(m.Report.Unexpected) != 106 {
					b.Fatal(err, len(m.Report.Unexpected))
				}
				f.Close()
				extra = max(extra, anonymous(b)-before)
			}
			b.ReportMetric(float64(extra)/1e6, "extra-MB")
		})
	}
}

// pretraining returns the autoencoder that a model is the encoder of.
func pretraining(c vit.Config) []Parameter {
	c.Pool = vit.Class
	list := parameters(c)
	list = append(list[:len(list)-2], Parameter{"mask_token", []int64{1, 1, 512}})
	d := vit.Config{ImageSize: 224, Patch: 16, Width: 512, Depth: 8, Heads: 16, Classes: 768, Pool: vit.Class}
	for _, p := range parameters(d) {
		if !strings.HasPrefix(p.Name, "patch_embed") && p.Name != "cls_token" {
			p.Name = strings.Replace("decoder_"+p.Name, "decoder_head", "decoder_pred", 1)
			list = append(list, p)
		}
	}
	return append(list, Parameter{"decoder_embed.weight", []int64{512, 1024}},
		Parameter{"decoder_embed.bias", []int64{512}})
}

func elements(shape []int64) int64 {
	n := int64(1)
	for _, d := range shape {
		n *= d
	}
	return n
}

// writeFull writes a checkpoint as torch.save does: model, optimizer, epoch.
func writeFull(b *testing.B, path string, list []Parameter) {
	b.Helper()
	text := func(s string) string {
		return "X" + string(binary.LittleEndian.AppendUint32(nil, uint32(len(s)))) + s
	}
	integer := func(n int64) string { return "\x8a\x08" + string(binary.LittleEndian.AppendUint64(nil, uint64(n))) }
	var sizes []int64
	tensor := func(shape []int64) string {
		strides, stride := "", int64(1)
		dimensions := ""
		for i := len(shape) - 1; i >= 0; i-- {
			strides = integer(stride) + strides
			dimensions = integer(shape[i]) + dimensions
			stride *= shape[i]
		}
		id := "(" + text("storage") + "ctorch\nFloatStorage\n" + text(fmt.Sprint(len(sizes))) + text("cpu") + integer(stride) + "tQ"
		sizes = append(sizes, 4*stride)
		return "ctorch._utils\n_rebuild_tensor_v2\n(" + id + "K\x00(" + dimensions + "t(" + strides + "t\x89Nt" + "R"
	}
	var model, state strings.Builder
	for _, p := range list {
		model.WriteString(text(p.Name) + tensor(p.Shape))
	}
	for i, p := range list {
		state.WriteString(integer(int64(i)) + "}(" + text("step") + tensor(nil) + text("exp_avg") + tensor(p.Shape) +
			text("exp_avg_sq") + tensor(p.Shape) + "u")
	}
	program := "\x80\x02}(" + text("model") + "}(" + model.String() + "u" + text("optimizer") + "}(" + text("state") +
		"}(" + state.String() + "uu" + text("epoch") + "M\x1f\x03u."

	out, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	defer out.Close()
	buffered := bufio.NewWriterSize(out, 1<<20)
	archive := zip.NewWriter(buffered)
	write := func(name string, size int64, content []byte) {
		f, err := archive.CreateRaw(&zip.FileHeader{Name: "full/" + name, Method: zip.Store,
			CRC32: crc32.ChecksumIEEE(content), CompressedSize64: uint64(size), UncompressedSize64: uint64(size)})
		for err == nil && size > 0 {
			n := min(size, int64(len(content)))
			_, err = f.Write(content[:n])
			size -= n
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	write("data.pkl", int64(len(program)), []byte(program))
	values := make([]byte, 1<<20) // 0.02, over and over
	for i := 0; i < len(values); i += 4 {
		binary.LittleEndian.PutUint32(values[i:], 0x3ca3d70a)
	}
	for i, size := range sizes {
		write(fmt.Sprint("data/", i), size, values)
	}
	for _, f := range []func() error{archive.Close, buffered.Flush, out.Sync} {
		if err := f(); err != nil {
			b.Fatal(err)
		}
	}
	if info, err := out.Stat(); err == nil {
		b.Logf("%d tensors, %d bytes", len(sizes), info.Size())
	}
}

// drop takes a file out of the page cache.
func drop(b *testing.B, path string) {
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	if err := unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
		b.Fatal(err)
	}
}

// anonymous returns the process's memory that is no file's, in bytes.
func anonymous(b *testing.B) int {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "RssAnon:")
	var kB int
	if _, err := fmt.Sscan(rest, &kB); err != nil {
		b.Fatal(err)
	}
	return kB << 10
}
