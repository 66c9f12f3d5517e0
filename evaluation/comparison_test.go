package evaluation

import (
	"bytes"
	"encoding/csv"
	"math"
	"strings"
	"testing"
	"time"
)

var compared = Compare([]Outcome{
	{Dataset: "OCTID", Framework: "fovea", Run: "octid", BestEpoch: 42, Duration: 83400 * time.Millisecond,
		Metrics: map[string]float64{"accuracy": 0.5, "f1": 0.25, "roc_auc": 0.75, "kappa": math.NaN(), "mcc": 1.0 / 3}},
	{Dataset: "eyes", Framework: "fovea", Run: "retina", Failure: "disk\nfull | gone"},
	{Dataset: "octid", Framework: "fovea", Run: "ema"},
}, []Outcome{
	{Dataset: "Octid", Framework: "paddle", Metrics: map[string]float64{"kappa": 0}},
	{Dataset: "RETINA", Framework: "paddle", Duration: 5 * time.Minute},
	{Dataset: "JSIEC", Framework: "paddle"},
	{Dataset: "OCTID", Framework: "torch"},
})

func TestComparisonText(t *testing.T) {
	var out bytes.Buffer
	if err := compared.WriteText(&out); err != nil {
		t.Fatal(err)
	}
	want := `
  data set  framework     run  best epoch  accuracy      f1  roc_auc   kappa  quadratic_kappa    time
     OCTID      fovea   octid          42    0.5000  0.2500   0.7500                            1m23s
     octid      fovea     ema
     Octid     paddle                                                 0.0000
     OCTID      torch
      eyes      fovea  retina                                                                  failed
    RETINA     paddle                                                                            5m0s
`
	trim := func(s string) string {
		lines := strings.Split(strings.TrimSpace(s), "\n")
		for i := range lines {
			lines[i] = strings.TrimSpace(lines[i])
		}
		return strings.Join(lines, "\n")
	}
	if trim(out.String()) != trim(want) {
		t.Errorf("got\n%s\nwant%s", &out, want)
	}
}

func TestComparisonMarkdown(t *testing.T) {
	var out bytes.Buffer
	if err := compared[4:].WriteMarkdown(&out); err != nil {
		t.Fatal(err)
	}
	want := `| data set | framework | run | best epoch | accuracy | f1 | roc_auc | kappa | quadratic_kappa | time |
|---|---|---|---:|---:|---:|---:|---:|---:|---:|
| eyes | fovea | retina |  |  |  |  |  |  | failed |
| RETINA | paddle |  |  |  |  |  |  |  | 5m0s |

retina failed: disk full | gone
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &out, want)
	}
}

func TestComparisonCSV(t *testing.T) {
	var out bytes.Buffer
	if err := compared.WriteCSV(&out); err != nil {
		t.Fatal(err)
	}
	records, err := csv.NewReader(&out).ReadAll()
	if err != nil || len(records) != 1+len(compared) {
		t.Fatalf("%d records, %v", len(records), err)
	}
	for i, want := range []string{
		"dataset,framework,run,best_epoch,val_loss,accuracy,f1,roc_auc,hamming,jaccard,precision,recall," +
			"average_precision,kappa,score,quadratic_kappa,mcc,seconds,failure",
		"OCTID,fovea,octid,42,,0.5,0.25,0.75,,,,,,,,,0.3333333333333333,83.4,",
		"octid,fovea,ema,,,,,,,,,,,,,,,,",
		"Octid,paddle,,,,,,,,,,,,0,,,,,",
		"OCTID,torch,,,,,,,,,,,,,,,,,",
		"eyes,fovea,retina,,,,,,,,,,,,,,,,disk full | gone",
		"RETINA,paddle,,,,,,,,,,,,,,,,300.0,",
	} {
		if got := strings.Join(records[i], ","); got != want {
			t.Errorf("record %d is %s, want %s", i, got, want)
		}
	}
	if err := compared.WriteCSV(fullDisk{}); err == nil {
		t.Error("no error on a full disk")
	}
}
