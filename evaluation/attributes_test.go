package evaluation

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

// A table of predictions keeps what is known of each image, in the form of a run and in anybody's.
func TestAttributesOfTables(t *testing.T) {
	want := &Predictions{Classes: []string{"a", "b"}, Attributes: []string{"patient", "eye"}, Rows: []Prediction{
		{Path: "1.png", Label: 0, Probabilities: []float64{0.75, 0.25}, Attributes: []string{"7", "OD"}},
		{Path: "2.png", Label: 1, Probabilities: []float64{0.25, 0.75}, Attributes: []string{"7", ""}}}}
	var file bytes.Buffer
	if err := WritePredictions(&file, want); err != nil {
		t.Fatal(err)
	}
	const own = "path,patient,eye,label,predicted,a,b\n1.png,7,OD,a,a,0.75,0.25\n2.png,7,,b,b,0.25,0.75\n"
	if file.String() != own {
		t.Errorf("written:\n%s", &file)
	}
	for name, c := range map[string]struct{ text, labels string }{
		"own":             {own, ""},
		"own, edited":     {strings.Replace(own, "patient,eye", "Patient_ID,Auge", 1), ""},
		"with prefix":     {"Subject,laterality,image,y_true,prob_a,note,prob_b\n7,OD,1.png,a,.75,x,.25\n7,,2.png,b,.25,y,.75\n", ""},
		"without prefix":  {"image;Patient ID;Auge;label;a;b\n1.png;7;OD;a;0,75;0,25\n2.png;7;;b;0,25;0,75\n", ""},
		"table of labels": {"path,a,b\n1.png,.75,.25\n2.png,.25,.75\n", "path,label,patient_id,eye\n2.png,b,7,\n1.png,a,7,OD\n"},
		"both": {"path,patient,eye,label,predicted,a,b\n1.png,x,OD,a,a,.75,.25\n2.png,x,,b,b,.25,.75\n",
			"path,label,patient_id\n2.png,b,7\n1.png,a,7\n"},
	} {
		o := TableOptions{}
		if c.labels != "" {
			o.Labels = strings.NewReader(c.labels)
		}
		got, err := ReadTable(strings.NewReader(c.text), o)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for text, want := range map[string]string{
		"path,label,camera,a,b\nx,camera,0.2,0.8,0\n":             `the column "camera" may be a class`,
		"path,label,subject,pid,a,b\nx,a,1,1,1,0\n":               `the columns "subject" and "pid" may both be the patient`,
		"path,pid,subject,label,predicted,a,b\nx,1,1,a,a,1,0\n":   `column 3 is called "patient"`,
		"path,patient,label,predicted,a\nx,1,a,a,1\n":             "1 classes",
		"path,label,device,scanner,age,a,b\nx,a,Topcon,2,x,1,0\n": "",
	} {
		_, err := ReadTable(strings.NewReader(text), TableOptions{})
		if want != "" && (err == nil || !strings.Contains(err.Error(), want)) ||
			want == "" && err != nil {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	for _, names := range [][]string{{"eye", "eye"}, {"label"}, {""}, {"path"}} {
		p := *want
		p.Attributes = names
		if err := WritePredictions(&bytes.Buffer{}, &p); err == nil {
			t.Errorf("attributes %q: no error", names)
		}
	}
}
