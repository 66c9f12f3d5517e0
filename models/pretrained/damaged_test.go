package pretrained

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"fovea/graphs/vit"
	"fovea/internal/graphtest"
	"fovea/internal/numbers"
	"fovea/onnx/pb"
	"fovea/onnx/weights"
)

// An entry is a tensor of a file that a test writes.
type entry struct {
	name   string
	shape  []int64
	values []float32
}

// An edit makes another file of one.
type edit func(file []entry) []entry

func each(change func(*entry)) edit {
	return func(file []entry) []entry {
		for i := range file {
			change(&file[i])
		}
		return file
	}
}

func rename(pattern, replacement string) edit {
	return each(func(e *entry) { e.name = regexp.MustCompile(pattern).ReplaceAllString(e.name, replacement) })
}

func prefix(p string) edit { return rename("^", p) }

func without(pattern string) edit {
	return func(file []entry) []entry {
		return slices.DeleteFunc(file, func(e entry) bool { return regexp.MustCompile(pattern).MatchString(e.name) })
	}
}

func add(name string, shape ...int64) edit {
	return func(file []entry) []entry { return append(file, drawn(name, shape)) }
}

func drawn(name string, shape []int64) entry {
	n := int64(1)
	for _, d := range shape {
		n *= d
	}
	return entry{name, shape, graphtest.Fill(name, int(n), 0, 1)}
}

// reshape gives tensors a shape of other sizes and other values.
func reshape(pattern string, shape func(old []int64) []int64) edit {
	return each(func(e *entry) {
		if regexp.MustCompile(pattern).MatchString(e.name) {
			*e = drawn(e.name, shape(e.shape))
		}
	})
}

func to(shape ...int64) func([]int64) []int64 { return func([]int64) []int64 { return shape } }

// as keeps values in another shape.
func as(name string, shape ...int64) edit {
	return each(func(e *entry) {
		if e.name == name {
			e.shape = shape
		}
	})
}

// apart splits tensors into equal parts along the first dimension. Names are made by the pattern, with % for a part.
func apart(pattern, replacement string, parts ...string) edit {
	return func(file []entry) (out []entry) {
		p := regexp.MustCompile(pattern)
		for _, e := range file {
			if !p.MatchString(e.name) {
				out = append(out, e)
				continue
			}
			rows, n := e.shape[0]/int64(len(parts)), len(e.values)/len(parts)
			for i, part := range parts {
				out = append(out, entry{strings.ReplaceAll(p.ReplaceAllString(e.name, replacement), "%", part),
					append([]int64{rows}, e.shape[1:]...), e.values[i*n : (i+1)*n]})
			}
		}
		return out
	}
}

// both writes the file below two prefixes, with values of its own below the first.
func both(a, b string) edit {
	return func(file []entry) (out []entry) {
		for _, e := range file {
			out = append(out, entry{a + e.name, e.shape, e.values}, drawn(b+e.name, e.shape))
		}
		return out
	}
}

func paddle(file []entry) []entry {
	for i, e := range file {
		if len(e.shape) == 2 && strings.HasSuffix(e.name, ".weight") {
			values := make([]float32, len(e.values))
			transpose(values, e.values, int(e.shape[1]), int(e.shape[0]))
			file[i] = entry{e.name, []int64{e.shape[1], e.shape[0]}, values}
		}
	}
	return file
}

func chain(edits ...edit) edit {
	return func(file []entry) []entry {
		for _, e := range edits {
			file = e(file)
		}
		return file
	}
}

// hugging writes the names of transformers' ViT before 5.0.
var hugging = chain(apart(`^blocks\.(\d+)\.attn\.qkv\.`, "blocks.$1.attention.attention.%.", "query", "key", "value"),
	rename(`attn\.proj`, "attention.output.dense"), rename(`mlp\.fc1`, "intermediate.dense"),
	rename(`mlp\.fc2`, "output.dense"), rename("norm1", "layernorm_before"), rename("norm2", "layernorm_after"),
	rename(`^blocks\.`, "vit.encoder.layer."), rename(`^norm\.`, "vit.layernorm."), rename(`^head\.`, "classifier."),
	rename("^cls_token", "vit.embeddings.cls_token"), rename("^pos_embed", "vit.embeddings.position_embeddings"),
	rename(`^patch_embed\.proj`, "vit.embeddings.patch_embeddings.projection"))

// later renames these to those since 5.0.
var later = chain(rename(`encoder\.layer\.`, "layers."), rename(`attention\.attention\.query`, "attention.q_proj"),
	rename(`attention\.attention\.key`, "attention.k_proj"), rename(`attention\.attention\.value`, "attention.v_proj"),
	rename(`attention\.output\.dense`, "attention.o_proj"), rename(`intermediate\.dense`, "mlp.fc1"),
	rename(`\.output\.dense`, ".mlp.fc2"))

// Files in layouts that are foreign or damaged are loaded as they should be, or refused with the names that do not fit.
// None is loaded in part and said to be whole.
func TestDamaged(t *testing.T) {
	const w = 4
	plain := vit.Config{ImageSize: 4, Patch: 2, Width: w, Depth: 2, Heads: 1, Classes: 3, Pool: vit.Class}
	mean, scaled := plain, plain
	mean.Pool, scaled.LayerScale = vit.Mean, true
	double := func(s []int64) []int64 {
		out := slices.Clone(s)
		for i := range out {
			if out[i]%w == 0 {
				out[i] *= 2
			}
		}
		return out
	}
	const whole = ""
	cases := []struct {
		name  string
		model vit.Config
		edit  edit
		want  string // whole, or what the error says
	}{
		{"plain", plain, chain(), whole},
		{"DataParallel", plain, prefix("module."), whole},
		{"a dict", plain, prefix("model."), whole},
		{"a dict in a dict", plain, prefix("checkpoint.state_dict.model."), whole},
		{"wrappers in another order", plain, prefix("model_state_dict._orig_mod.module.backbone."), whole},
		{"a teacher", plain, prefix("teacher.backbone."), whole},
		{"an attribute of one's own", plain, prefix("my_classifier."), whole},
		{"Lightning", plain, prefix("state_dict.net.encoder."), whole},
		{"compiled blocks", plain, rename(`^blocks\.(\d)\.`, "blocks.$1._orig_mod."), whole},
		{"checkpointed blocks", plain, rename(`^blocks\.(\d)\.`, "blocks.$1._checkpoint_wrapped_module."), whole},
		{"FSDP", plain, chain(rename(`^blocks\.(\d)\.`, "blocks.$1._fsdp_wrapped_module."),
			prefix("_fsdp_wrapped_module.")), whole},
		{"blocks in chunks", plain, rename(`^blocks\.(\d)\.`, "blocks.$1.$1."), whole},
		{"a decoder beside", plain, chain(add("mask_token", 1, 1, 2), add("decoder_embed.weight", 2, w),
			add("decoder_blocks.0.norm1.weight", 2), add("decoder_pos_embed", 1, 5, 2), prefix("model.")), whole},
		{"a decoder beside, mean", mean, chain(rename(`^fc_norm`, "norm"), add("decoder_norm.weight", 2)), whole},
		{"heads of pre-training", plain, chain(prefix("backbone."), add("dino_head.mlp.0.weight", 8, w),
			add("ibot_head.last_layer.weight_v", 8, w), prefix("teacher.")), whole},
		{"a student beside", plain, both("teacher.", "student."), whole},
		{"an average beside", plain, both("state_dict.", "state_dict_ema."), whole},
		{"an average beside, nested", plain, both("model.", "ema.module."), whole},
		{"an average alone", plain, prefix("model_ema."), whole},
		{"a head of other classes", plain, reshape("^head.weight", to(7, w)), whole},
		{"a head called fc", plain, rename("^head", "fc"), whole},
		{"a head outside", plain, chain(rename(`^([^h])`, "backbone.$1")), whole},
		{"no head", plain, without("^head"), whole},
		{"q, k and v apart", plain, apart(`attn\.qkv\.`, "attn.%.", "q", "k", "v"), whole},
		{"biases apart", plain, apart(`attn\.qkv\.bias`, "attn.%_bias", "q", "k", "v"), whole},
		{"transformers before 5.0", plain, hugging, whole},
		{"transformers since 5.0", plain, chain(hugging, later), whole},
		{"transformers' backbone", plain, chain(hugging, rename(`^vit\.`, ""), without("^classifier"),
			add("pooler.dense.weight", w, w)), whole},
		{"EVA's scales", scaled, rename(`ls([12])\.gamma`, "gamma_$1"), whole},
		{"xFormers' MLP names", plain, chain(rename(`mlp\.fc1`, "mlp.w12"), rename(`mlp\.fc2`, "mlp.w3")), whole},
		{"positions without a first dimension", plain, as("pos_embed", 5, w), whole},
		{"class token as a vector", plain, as("cls_token", w), whole},
		{"PaddlePaddle", plain, paddle, whole},
		{"an optimizer beside", plain, chain(prefix("model."), add("optimizer.state.0.exp_avg", 1, 1, w),
			add("optimizer.state.1.exp_avg", 1, 5, w)), whole},
		{"a text encoder beside", plain, chain(add("text_model.encoder.layers.0.norm1.weight", w),
			add("text_model.embeddings.token.weight", 9, w)), whole},
		{"pre-training for the mean", mean, rename("^fc_norm", "norm"), whole},

		{"the last block missing", plain, without(`^blocks\.1`), "the file lacks blocks.1.norm1.weight"},
		{"the first block missing", plain, without(`^blocks\.0`), "the file lacks blocks.0.norm1.weight"},
		{"a block too many", plain, func(f []entry) []entry {
			for _, e := range slices.Clone(f) {
				if rest, ok := strings.CutPrefix(e.name, "blocks.1."); ok {
					f = append(f, drawn("blocks.2."+rest, e.shape))
				}
			}
			return f
		}, "the model lacks blocks.2."},
		{"another width", plain, reshape(".", double), "cls_token is [1 1 8] in the file and [1 1 4] in the model"},
		{"another width, transformers", plain, chain(hugging, reshape(".", double)), "is [8 3 2 2] in the file and [4 3 2 2]"},
		{"another patch", plain, reshape(`^patch_embed\.proj\.weight`, to(w, 3, 4, 4)),
			"patch_embed.proj.weight is [4 3 4 4] in the file and [4 3 2 2]"},
		{"one channel", plain, reshape(`^patch_embed\.proj\.weight`, to(w, 1, 2, 2)),
			"patch_embed.proj.weight is [4 1 2 2] in the file and [4 3 2 2]"},
		{"another MLP", plain, reshape(`mlp\.fc1\.weight`, to(3*w, w)), "mlp.fc1.weight is [12 4] in the file and [16 4]"},
		{"keys missing in qkv", plain, reshape(`attn\.qkv\.weight`, to(2*w, w)),
			"attn.qkv.weight is [8 4] in the file and [12 4]"},
		{"keys missing apart", plain, chain(apart(`attn\.qkv\.`, "attn.%.", "q", "k", "v"), without(`attn\.k\.`)),
			"the file lacks blocks.0.attn.qkv.weight"},
		{"bias of keys missing in a block", plain, chain(apart(`attn\.qkv\.bias`, "attn.%_bias", "q", "k", "v"),
			without(`blocks\.1\.attn\.k_bias`)), "blocks.0.attn.k_bias"},
		{"values missing, transformers", plain, chain(hugging, without(`layer\.1\.attention\.attention\.value`)),
			"the file lacks blocks.1.attn.qkv.weight"},
		{"bias of qkv missing", plain, without(`attn\.qkv\.bias`), "the file lacks blocks.0.attn.qkv.bias"},
		{"a norm missing", plain, without(`blocks\.1\.norm2`), "the file lacks blocks.1.norm2.weight, blocks.1.norm2.bias"},
		{"the last norm missing", plain, without(`^norm\.`), "the file lacks norm.weight, norm.bias"},
		{"class token missing", plain, without("^cls_token"), "the file lacks cls_token"},
		{"positions missing", plain, without("^pos_embed"), "the file lacks pos_embed"},
		{"positions of no square", plain, reshape("^pos_embed", to(1, 8, w)), "pos_embed is [1 8 4] in the file and [1 5 4]"},
		{"a norm too many", plain, add("other_norm.weight", w), "the model lacks other_norm.weight"},
		{"SAT493M's norm too many", plain, add("local_cls_norm.weight", w), ""},
		{"a norm before the blocks", plain, add("norm_pre.weight", w), "the model lacks norm_pre.weight"},
		{"norms of q", plain, add("blocks.0.attn.q_norm.weight", w), "the model lacks blocks.0.attn.q_norm.weight"},
		{"layer scale", plain, chain(add("blocks.0.ls1.gamma", w), prefix("backbone.")), "the model lacks blocks.0.ls1.gamma"},
		{"no layer scale", scaled, without("gamma"), "the file lacks blocks.0.ls1.gamma"},
		{"registers", plain, add("register_tokens", 1, 4, w), "the model lacks register_tokens"},
		{"a distillation token", plain, add("dist_token", 1, 1, w), "the model lacks dist_token"},
		{"SwiGLU", plain, rename(`mlp\.fc(\d)`, "mlp.w$1"), "of another shape: blocks.0.mlp.w2.weight is [4 16]"},
		{"a misspelt name", plain, rename(`blocks\.1\.attn\.proj`, "blocks.1.atn.proj"), "the model lacks blocks.1.atn.proj"},
		{"one matrix transposed", plain, func(f []entry) []entry {
			i := slices.IndexFunc(f, func(e entry) bool { return e.name == "blocks.0.mlp.fc1.weight" })
			paddle(f[i : i+1])
			return f
		}, "blocks.0.mlp.fc1.weight is [4 16] in the file and [16 4]"},
		{"two models", plain, both("a.", "b."), `twice, below "a" and below "b": say in model.weights_from`},
		{"halves below two prefixes", plain, chain(rename(`^(blocks\.0)`, "a.$1"), rename(`^(blocks\.1)`, "b.$1")),
			"the file lacks"},
		{"a damaged model beside its average", plain, chain(both("model.", "model_ema."), without(`^model\.blocks\.1\.norm1`)),
			"the file lacks blocks.1.norm1.weight"},
		{"an optimizer alone", plain, chain(without("."), add("optimizer.state.0.exp_avg", w, w)),
			"none of the model's 32 parameters is in the file, which has 1 tensors: 1 of optimizer."},
		{"a head alone", plain, without("^[^h]"), "none of the model's 32 parameters"},
		{"ResNet", plain, chain(without("."), add("layer1.0.conv1.weight", w, w, 3, 3), add("fc.weight", 3, w)),
			"none of the model's 32 parameters"},
		{"CLIP", plain, chain(without("."), add("visual.conv1.weight", w, 3, 2, 2), add("visual.class_embedding", w),
			add("visual.positional_embedding", 5, w), add("visual.ln_pre.weight", w)),
			`"CLIP's visual tower", below "visual"`},
		{"DINOv3 of transformers", plain, chain(without("."), add("embeddings.cls_token", 1, 1, w),
			add("embeddings.patch_embeddings.weight", w, 3, 2, 2), add("embeddings.register_tokens", 1, 4, w),
			add("layer.0.norm1.weight", w), add("layer.0.norm1.bias", w)), `"transformers DINOv3"`},
	}
	if len(cases) < 60 {
		t.Errorf("only %d cases", len(cases))
	}
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			var file []entry
			for _, p := range parameters(test.model) {
				file = append(file, drawn(p.Name, p.Shape))
			}
			values := map[string][]float32{}
			for _, e := range file {
				values[e.name] = e.values
			}
			m, err := New(store(t, test.edit(file)), parameters(test.model), Options{})
			if test.want != whole {
				if err == nil || !strings.Contains(err.Error(), test.want) || len(err.Error()) > 1000 {
					t.Errorf("error %v, want one with %q", err, test.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if m.Report.Filled != m.Report.Backbone {
				t.Errorf("%d of %d are filled", m.Report.Filled, m.Report.Backbone)
			}
			for name, got := range load(t, m) {
				if isNew(name) || slices.Equal(got, values[name]) {
					continue
				}
				t.Errorf("%s is %v, want %v", name, got, values[name])
			}
		})
	}
}

// store writes the entries of a file.
func store(t *testing.T, file []entry) *weights.File {
	t.Helper()
	var tensors []weights.Tensor
	for _, e := range file {
		tensors = append(tensors, weights.Tensor{Name: e.name, Type: pb.TensorProto_FLOAT, Shape: e.shape,
			Data: numbers.Bytes(e.values)})
	}
	path := filepath.Join(t.TempDir(), "m.safetensors")
	if err := weights.Write(path, tensors, nil); err != nil {
		t.Fatal(err)
	}
	return open(t, path)
}

// Which of several models is taken is said, and can be said.
func TestFrom(t *testing.T) {
	c := vit.Config{ImageSize: 4, Patch: 2, Width: 4, Depth: 2, Heads: 1, Classes: 3, Pool: vit.Class}
	var file []entry
	for _, p := range parameters(c) {
		file = append(file, drawn(p.Name, p.Shape))
	}
	f := store(t, both("state_dict.", "state_dict_ema.")(file))
	for from, want := range map[string]string{"": "state_dict", "state_dict": "state_dict",
		"state_dict_ema": "state_dict_ema"} {
		m, err := New(f, parameters(c), Options{From: from})
		if err != nil || m.Report.Dict != want {
			t.Errorf("%q: %+v, %v", from, m, err)
		}
	}
	_, err := New(f, parameters(c), Options{From: "teacher"})
	if want := `is in the file below "teacher", which has 64 tensors: 32 of state_dict., 32 of state_dict_ema.`; err == nil ||
		!strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want one with %q", err, want)
	}
}

// Terms of the table: a product, zeros between, a transposed matrix and a part.
func TestTerms(t *testing.T) {
	file := newNames(store(t, []entry{{"b", []int64{3}, []float32{1, 2, 3}}, {"m", []int64{3}, []float32{1, 0, 1}},
		{"q", []int64{1}, []float32{4}}, {"x", []int64{2, 3}, []float32{1, 2, 3, 4, 5, 6}}}))
	for text, want := range map[string]struct {
		shape  []int64
		values []float32
	}{
		"b * m":           {[]int64{3}, []float32{1, 0, 3}},
		"q + 0 + q":       {[]int64{5}, []float32{4, 0, 0, 0, 4}},
		"x'":              {[]int64{3, 2}, []float32{1, 4, 2, 5, 3, 6}},
		"x[2/2]":          {[]int64{1, 3}, []float32{4, 5, 6}},
		"x'[1/3] + x'":    {[]int64{4, 2}, []float32{1, 4, 1, 4, 2, 5, 3, 6}},
		"x[2/2] + x[1/2]": {[]int64{2, 3}, []float32{4, 5, 6, 1, 2, 3}},
	} {
		a, err := assign(file, parseSum(text), 0, Parameter{"p", want.shape}, false)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got := slices.Repeat([]float32{7}, len(want.values))
		if err := a.Load(got); err != nil || !slices.Equal(got, want.values) {
			t.Errorf("%s: %v, want %v: %v", text, got, want.values, err)
		}
	}
}
