package textfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadTOML(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.toml")
	long := strings.Repeat("[", 1000)
	for _, c := range []struct{ doc, want string }{
		{"a = 1\n[b]\nc.d = [[1, 2], [3]]", ""},
		{"a = \"" + long + "\" # " + long + "\nb = '" + long + "'\nc = '''\n" + long + "'''\nd = \"\"\"\\\"\"\"" + long + "\n\"\"\"", ""},
		{"\xef\xbb\xbfa = \"\\\\\"\n" + strings.Repeat("a.b = [\"x.y\"]\n", 100), ""},
		{"x = 1\na = " + long, "line 2: more than 32 levels"},
		{"a = " + strings.Repeat("{a=", 1000), "line 1: more than 32 levels"},
		{"a = \"\"\"\n\n\"\"\"\n" + strings.Repeat("a.", 1000) + "b = 1", "line 4: more than 32 levels"},
		{"[" + strings.Repeat("a.", 1000) + "b]", "line 1: more than 32 levels"},
		{strings.Repeat("a=1\n", 1<<15), "line 4097: more than 4096 keys"},
		{strings.Repeat("[a]\n", 1<<15), "line 4097: more than 4096 keys"},
		{strings.Repeat(" ", 1<<20+1), "more than 1048576 bytes"},
	} {
		if err := os.WriteFile(path, []byte(c.doc), 0o666); err != nil {
			t.Fatal(err)
		}
		_, err := ReadTOML(path)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.40q: error is %v, want %q", c.doc, err, c.want)
		}
	}
}
