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
	want.Rows[2].Probabilities = []float64{1.0 / 3, 5e-324, 0, 0.1}
	var file bytes.Buffer
	if err := WritePredictions(&file, want); err != nil {
		t.Fatal(err)
	}
	text := file.String()
	for _, text := range []string{text, "\ufeff" + text, strings.ReplaceAll(text, "\n", "\r\n")} {
		got, err := ReadPredictions(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("a table did not come back as it was written")
		}
	}
}

func TestReadPredictionsErrors(t *testing.T) {
	const header = "path,label,predicted,cat,dog\n"
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", "predictions: the file is empty"},
		{"header", "file,label,predicted,cat,dog\n", `predictions: line 1: the header must begin with "path,label,predicted"`},
		{"one class", "path,label,predicted,cat\n", "predictions: line 1: 1 classes"},
		{"twice", "path,label,predicted,cat,cat\n", `predictions: line 1: classes 0 and 1 have the same name "cat"`},
		{"no rows", header, "predictions: there are no predictions"},
		{"label", header + "a,cow,cat,1,0\n", `predictions: line 2, column 2 (label): "cow" is not a class of the header`},
		{"predicted", header + "a,cat,1,1,0\n", `predictions: line 2, column 3 (predicted): "1" is not a class of the header`},
		{"number", header + "a,cat,cat,1,0\na,cat,cat,1,zero\n", `predictions: line 3, column 5 (dog): "zero" is not a number`},
		{"nan", header + "a,cat,cat,NaN,0\n", "predictions: line 2, column 4 (cat): probability NaN is not finite"},
		{"logit", header + "a,cat,cat,7.5,0\n", "predictions: line 2, column 4 (cat): 7.5 is not a probability"},
		{"lines in quotes", header + "\"a\nb\",cat,cat,1,0\na,cat,cat,1,?\n", "predictions: line 4, column 5 (dog)"},
		{"not the largest", header + "a,cat,dog,0.6,0.4\n",
			`predictions: line 2, column 3 (predicted): "dog" is not the class of largest probability, which is "cat"`},
		{"short", header + "a,cat,cat,1\n", "predictions: record on line 2: wrong number of fields"},
		{"long", header + "a,cat,cat,1,0,0\n", "predictions: record on line 2: wrong number of fields"},
	} {
		if _, err := ReadPredictions(strings.NewReader(c.text)); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %s", c.name, err, c.want)
		}
	}
	if _, err := ReadPredictions(strings.NewReader(header + "a,cat,dog,0.5,0.5\n")); err != nil {
		t.Errorf("a tie that another program broke otherwise: %v", err)
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

func FuzzReadPredictions(f *testing.F) {
	f.Add([]byte("path,label,predicted,cat,dog\na.png,cat,cat,0.75,0.25\nb.png,dog,cat,1,0\n"))
	f.Add([]byte("\ufeffpath,label,predicted,\"c,at\",dog\r\n\"a\nb\",dog,dog,1e-300,0x1p-2\r\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := ReadPredictions(bytes.NewReader(text))
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
		// The sums of probabilities are checked there alone.
		if again, err := ReadTable(bytes.NewReader(file.Bytes()), TableOptions{}); err == nil && !reflect.DeepEqual(again, p) {
			t.Fatal("ReadTable did not return the table as it was written")
		}
		again, err := ReadPredictions(&file)
		if err != nil {
			t.Fatalf("a table that was written cannot be read: %v", err)
		}
		if !reflect.DeepEqual(again, p) {
			t.Fatal("a table did not come back as it was written")
		}
	})
}
