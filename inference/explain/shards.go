package explain

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"fovea/inference"
	"fovea/inference/shard"
	"fovea/onnx/engine"
	"fovea/onnx/ort"
)

// featureShard holds the options of features in shards.
type featureShard struct {
	Width       int                   `json:"width"` // features of an image
	NPY         bool                  `json:"npy"`
	Description inference.Description `json:"description"`
}

// shard leaves only the images of the shard, and names its file.
func (o *FeatureOptions) shard(f *Features) (shard.Record, error) {
	r := shard.Record{Command: "features", Shard: o.Shard, Images: len(o.Images), Batch: f.Batch,
		List: shard.ListOf(o.Images),
		Host: engine.Host{Runtime: ort.Version(), Provider: "cpu", Precision: "fp32", Threads: o.Threads}}
	if o.Threads == 0 {
		r.Host.Threads = runtime.GOMAXPROCS(0)
	}
	from, to := o.Shard.Range(len(o.Images), f.Batch)
	o.Images, o.Out = slices.Clone(o.Images[from:to]), o.Shard.File(o.Out)
	var err error
	if r.Model, err = inference.Digest(o.Model); err != nil {
		return r, err
	}
	return r, shard.Begin(o.Out)
}

// finish writes the record of a shard.
func (o *FeatureOptions) finish(r shard.Record, width int, npy bool) error {
	options := featureShard{width, npy, *o.Description}
	if !npy {
		return r.Finish(options, []int64{headerLength(width)}, o.Out)
	}
	matrix := int64(len(npyHeader([]int{len(o.Images), width})))
	return r.Finish(options, []int64{matrix, headerLength(0)}, o.Out, strings.TrimSuffix(o.Out, ".npy")+".csv")
}

func headerLength(features int) int64 {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.Write(featureColumns(features))
	w.Flush()
	return int64(b.Len())
}

// MergeFeatures writes the files that WriteFeatures writes in one process, from all shards, and returns the number of
// images. The name of out must have the ending of the shards' files.
func MergeFeatures(shards []*shard.Record, out string) (images int, err error) {
	var o featureShard
	if err := json.Unmarshal(shards[0].Options, &o); err != nil {
		return 0, err
	}
	base, npy := strings.CutSuffix(out, ".npy")
	if npy != o.NPY || !npy && filepath.Ext(out) != ".csv" {
		return 0, fmt.Errorf("%s: the name must end as those of the shards do, in %s", out,
			filepath.Ext(shards[0].Files[0].Name))
	}
	join := func(path string, file int, header []byte) error {
		return writeFile(path, func(w io.Writer) error { return shard.Join(w, shards, file, header) })
	}
	images = shards[0].Images
	if !npy {
		return images, join(out, 0, nil)
	}
	if len(shards[0].Files) != 2 || o.Width < 1 {
		return 0, fmt.Errorf("the records of the shards are damaged: repeat the shards")
	}
	if err := join(base+".csv", 1, nil); err != nil {
		return 0, err
	}
	return images, join(out, 0, npyHeader([]int{images, o.Width}))
}
