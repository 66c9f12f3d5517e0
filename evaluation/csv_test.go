package evaluation

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
)

func TestMetricsRoundTrip(t *testing.T) {
	first, _, err := Compute(randomPredictions(5, 50))
	if err != nil {
		t.Fatal(err)
	}
	want := []Metrics{first, {Loss: 1e-300, Accuracy: 1, Kappa: -1.0 / 3}, {Loss: math.Inf(1)}}
	var file bytes.Buffer
	if err := WriteMetrics(&file, want); err != nil {
		t.Fatal(err)
	}
	header, _, _ := strings.Cut(file.String(), "\n")
	if want := "val_loss,accuracy,f1,roc_auc,hamming,jaccard,precision,recall,average_precision,kappa," +
		"score,quadratic_kappa,mcc"; header != want {
		t.Errorf("header %s\nwant   %s", header, want)
	}
	got, err := ReadMetrics(&file)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestReadMetricsErrors(t *testing.T) {
	var file bytes.Buffer
	if err := WriteMetrics(&file, []Metrics{{}, {}}); err != nil {
		t.Fatal(err)
	}
	good := file.String()
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", "metrics: the file is empty"},
		{"header", "a,b\n", `metrics: line 1: the header is "a,b", want "val_loss,`},
		{"number", strings.TrimSuffix(good, "0\n") + "x\n", `metrics: line 3, column 13 (mcc): "x" is not a number`},
		{"short", good + "1,2\n", "metrics: record on line 4: wrong number of fields"},
	} {
		if _, err := ReadMetrics(strings.NewReader(c.text)); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %s", c.name, err, c.want)
		}
	}
}

func TestPredictionsRoundTrip(t *testing.T) {
	want := randomPredictions(4, 200)
	want.Classes = []string{"10.0.Possible glaucoma", `Severe "NPDR", treated`, "正常", "a\nb"}
	want.Rows[0].Path = "test/Größe, 1.jpg"
	want.Rows[1].Path = ""
	want.Rows[2].Probabilities = []float64{1.0 / 3, 5e-324, 0, 2.0 / 3}
	var file bytes.Buffer
	if err := WritePredictions(&file, want); err != nil {
		t.Fatal(err)
	}
	text := file.String()
	for _, text := range []string{text, "\ufeff" + text, strings.ReplaceAll(text, "\n", "\r\n")} {
		got, err := ReadTable(strings.NewReader(text), TableOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("a table did not come back as it was written")
		}
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestWriteErrors(t *testing.T) {
	p := randomPredictions(3, 2)
	if err := WritePredictions(fullDisk{}, p); err == nil {
		t.Error("WritePredictions: no error on a full disk")
	}
	if err := WriteMetrics(fullDisk{}, []Metrics{{}}); err == nil {
		t.Error("WriteMetrics: no error on a full disk")
	}
	p.Rows[1].Path = "a\r\nb"
	if err := WritePredictions(&bytes.Buffer{}, p); err == nil || !strings.Contains(err.Error(), "row 2") {
		t.Errorf("WritePredictions: error %v, want one that names row 2", err)
	}
}

func FuzzReadTable(f *testing.F) {
	f.Add([]byte("path,label,predicted,cat,dog\na.png,cat,cat,0.75,0.25\nb.png,dog,cat,1,0\n"))
	f.Add([]byte("\ufeffpath,label,predicted,\"c,at\",dog\r\n\"a\nb\",dog,dog,1e-300,0x1p0\r\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := ReadTable(bytes.NewReader(text), TableOptions{})
		if err != nil {
			return
		}
		if _, _, err := Compute(p); err != nil {
			t.Fatalf("a table that was read has no metrics: %v", err)
		}
		var file bytes.Buffer
		if err := WritePredictions(&file, p); err != nil {
			t.Fatalf("a table that was read cannot be written: %v", err)
		}
		again, err := ReadTable(&file, TableOptions{})
		if err != nil {
			t.Fatalf("a table that was written cannot be read: %v", err)
		}
		if !reflect.DeepEqual(again, p) {
			t.Fatal("a table did not come back as it was written")
		}
	})
}
