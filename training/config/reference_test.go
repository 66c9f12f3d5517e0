package config

import (
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"fovea/configs"
)

const (
	keyTable    = "| key | type | default | unit | meaning | source |"
	recipeTable = "| key | type | default | `retfound` | what RETFound does | values | source in RETFound |"
)

// referenceRows returns the trimmed cells of each row of the table in configs/README.md with this header.
func referenceRows(t *testing.T, header string) [][]string {
	t.Helper()
	_, table, ok := strings.Cut(configs.Reference, "\n"+header+"\n")
	if !ok {
		t.Fatalf("no table %s", header)
	}
	var rows [][]string
	for _, line := range strings.Split(table, "\n")[1:] {
		if !strings.HasPrefix(line, "|") {
			break
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if len(cells) != strings.Count(header, "|")-1 {
			t.Fatalf("%d cells: %s", len(cells), line)
		}
		rows = append(rows, cells)
	}
	return rows
}

// TestReferenceListsEveryKey checks the two tables of keys in configs/README.md. Together they list exactly the keys of
// Config, each in its order, with types, defaults and every value that a key allows. The first lists all but those of
// quirks, and the second those that RETFound's recipe sets.
func TestReferenceListsEveryKey(t *testing.T) {
	listed := map[string]bool{}
	for _, header := range []string{keyTable, recipeTable} {
		last := -1
		for _, row := range referenceRows(t, header) {
			at := slices.IndexFunc(keys, func(k key) bool { return row[0] == "`"+k.name+"`" })
			if at <= last {
				t.Fatalf("%s is no key, or not in the order of Config", row[0])
			}
			last = at
			k := keys[at]
			listed[k.name] = true
			if got, want := row[1], k.typeName(); got != want {
				t.Errorf("%s: type %q, want %q", k.name, got, want)
			}
			checkReferenceValue(t, k, row[2], Defaults())
			if row[4] == "" {
				t.Errorf("%s: no meaning", k.name)
			}
			if header == recipeTable {
				checkReferenceValue(t, k, row[3], retfound(t))
				if row[5] == "" || row[6] == "" {
					t.Errorf("%s: no values or no source", k.name)
				}
			}
		}
	}
	for _, k := range keys {
		if !listed[k.name] {
			t.Errorf("configs/README.md lacks %s", k.name)
		}
		for _, choice := range k.choices() {
			if !strings.Contains(referenceText(t, k), "`"+choice+"`") {
				t.Errorf("%s: its value %s is not explained", k.name, choice)
			}
		}
	}
}

// checkReferenceValue checks that cell holds, as TOML, the value of k in want.
func checkReferenceValue(t *testing.T, k key, cell string, want *Config) {
	t.Helper()
	section, name, nested := strings.Cut(k.name, ".")
	doc := section + " = "
	if nested {
		doc = "[" + section + "]\n" + name + " = "
	}
	r := newReader()
	r.readFile(write(t, doc+strings.Trim(cell, "`")+"\n"))
	got := k.field(r.config()).Interface()
	if err := r.err(); err != nil {
		t.Errorf("%s: value %s: %v", k.name, cell, err)
	}
	if want := k.field(want).Interface(); !reflect.DeepEqual(got, want) {
		t.Errorf("%s: value %v, want %v", k.name, got, want)
	}
}

// referenceText returns all cells about k behind its default.
func referenceText(t *testing.T, k key) string {
	t.Helper()
	var text []string
	for _, row := range slices.Concat(referenceRows(t, keyTable), referenceRows(t, recipeTable)) {
		if row[0] == "`"+k.name+"`" {
			text = append(text, row[3:]...)
		}
	}
	return strings.Join(text, " ")
}

// retfound returns the config of a file that names RETFound's recipe and a folder.
func retfound(t *testing.T) *Config {
	t.Helper()
	c, err := Read(write(t, "recipe = \"retfound\"\n"+minimal), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestReferenceListsWhatTheRecipeSets checks that the second table has exactly the keys whose defaults differ between
// the recipes.
func TestReferenceListsWhatTheRecipeSets(t *testing.T) {
	var listed, set []string
	for _, row := range referenceRows(t, recipeTable) {
		listed = append(listed, strings.Trim(row[0], "`"))
	}
	for _, change := range retfound(t).Differences(Defaults(), "recipe", "name", "data.dir") {
		name, _, _ := strings.Cut(change, " ")
		set = append(set, name)
	}
	if !slices.Equal(listed, set) {
		t.Errorf("the table has %v, the recipe sets %v", listed, set)
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

// retfoundFlags lists all flags of main_finetune.py: April 2025 (commit 897d71c), November 2025 (ae9a9ec) and 2023
// (f5ab012).
const retfoundFlags = `batch_size epochs accum_iter model input_size drop_path clip_grad weight_decay lr blr layer_decay
min_lr warmup_epochs color_jitter aa smoothing reprob remode recount resplit mixup cutmix cutmix_minmax mixup_prob
mixup_switch_prob mixup_mode finetune task global_pool cls_token data_path nb_classes output_dir log_dir device seed
resume start_epoch eval dist_eval num_workers pin_mem world_size local_rank dist_on_itp dist_url savemodel norm enhance
datasets_seed
model_arch adaptation dataratio stratified
no_pin_mem`

// TestReferenceHasEveryFlagOfRETFound checks that the table of flags in configs/README.md has each of them once, with a
// key that exists or the reason why there is none.
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
			t.Errorf("--%s: no reason why there is no key", flag)
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
