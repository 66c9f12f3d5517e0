package config

import (
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"fovea/configs"
)

// configs/README.md lists exactly the keys of Config, in its order, with their
// types and defaults.
func TestReferenceListsEveryKey(t *testing.T) {
	_, table, ok := strings.Cut(configs.Reference, "\n| key | type | default |")
	if !ok {
		t.Fatal("no table of keys")
	}
	var rows [][]string
	for _, line := range strings.Split(table, "\n")[2:] {
		if cells := strings.Split(strings.TrimPrefix(line, "|"), "|"); len(cells) > 5 {
			for i := range cells {
				cells[i] = strings.TrimSpace(cells[i])
			}
			rows = append(rows, cells)
		}
	}
	for i, k := range keys {
		if i >= len(rows) || rows[i][0] != "`"+k.name+"`" {
			t.Fatalf("row %d is not %s", i+1, k.name)
		}
		if got, want := rows[i][1], k.typeName(); got != want {
			t.Errorf("%s: type %q, want %q", k.name, got, want)
		}
		section, name, nested := strings.Cut(k.name, ".")
		doc := section + " = "
		if nested {
			doc = "[" + section + "]\n" + name + " = "
		}
		r := newReader()
		r.readFile(write(t, doc+strings.Trim(rows[i][2], "`")+"\n"))
		got := k.field(r.config()).Interface()
		if err := r.err(); err != nil {
			t.Errorf("%s: default %s: %v", k.name, rows[i][2], err)
		}
		if want := k.field(Defaults()).Interface(); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: default %v, want %v", k.name, got, want)
		}
		if rows[i][4] == "" {
			t.Errorf("%s: no meaning", k.name)
		}
	}
	if len(rows) != len(keys) {
		t.Errorf("%d rows, want %d: the first too many is %s", len(rows), len(keys), rows[len(keys)][0])
	}
}

func TestShippedConfigs(t *testing.T) {
	files, err := filepath.Glob("../../configs/*.toml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d config files, %v", len(files), err)
	}
	for _, file := range files {
		c, err := Read(file, nil, nil)
		if err != nil {
			t.Error(err)
			continue
		}
		if base := strings.TrimSuffix(filepath.Base(file), ".toml"); c.Name != base {
			t.Errorf("%s: name %q, want %q", file, c.Name, base)
		}
		if !strings.Contains(configs.Reference, "`"+filepath.Base(file)+"`") {
			t.Errorf("%s is not in configs/README.md", file)
		}
	}
}

// retfoundFlags are all flags of main_finetune.py: April 2025 (commit 897d71c),
// November 2025 (ae9a9ec) and 2023 (f5ab012).
const retfoundFlags = `batch_size epochs accum_iter model input_size drop_path clip_grad weight_decay lr blr layer_decay
min_lr warmup_epochs color_jitter aa smoothing reprob remode recount resplit mixup cutmix cutmix_minmax mixup_prob
mixup_switch_prob mixup_mode finetune task global_pool cls_token data_path nb_classes output_dir log_dir device seed
resume start_epoch eval dist_eval num_workers pin_mem world_size local_rank dist_on_itp dist_url savemodel norm enhance
datasets_seed
model_arch adaptation dataratio stratified
no_pin_mem`

// The table of RETFound's flags in configs/README.md has each of them once, with
// a key that exists or a word why there is none.
func TestReferenceHasEveryFlagOfRETFound(t *testing.T) {
	_, table, ok := strings.Cut(configs.Reference, "\n| flag | default there | key |")
	if !ok {
		t.Fatal("no table of flags")
	}
	rows := map[string]int{}
	for _, line := range strings.Split(table, "\n")[2:] {
		if !strings.HasPrefix(line, "|") {
			break
		}
		cells := strings.Split(line, "|")
		flag, key, remark := strings.Trim(cells[1], " `-"), strings.Trim(cells[3], " `"), strings.TrimSpace(cells[4])
		rows[flag]++
		if key == "none" && remark == "" {
			t.Errorf("--%s: no word why there is no key", flag)
		} else if _, known := findKey(key); key != "none" && !known {
			t.Errorf("--%s: no key %q", flag, key)
		}
		for _, quoted := range regexp.MustCompile("`([a-z]+\\.[a-z_]+)`").FindAllStringSubmatch(remark, -1) {
			if _, known := findKey(quoted[1]); !known && !strings.HasSuffix(quoted[1], ".py") {
				t.Errorf("--%s: no key %q", flag, quoted[1])
			}
		}
	}
	for _, flag := range strings.Fields(retfoundFlags) {
		if rows[flag] != 1 {
			t.Errorf("%d rows for --%s", rows[flag], flag)
		}
		delete(rows, flag)
	}
	for flag := range rows {
		t.Errorf("RETFound has no --%s", flag)
	}
}
