package board

import (
	"fmt"
	"path/filepath"
	"time"

	"fovea/evaluation/report"
	"fovea/training/config"
	"fovea/training/mlflow"
)

// ForMLflow returns runs as MLflow's store has them. Epochs of a run are evenly spread over its time: no file of a run
// says when one ended.
func ForMLflow(runs []*Run) (out []mlflow.Run) {
	for _, r := range runs {
		m := mlflow.Run{Name: r.Name, Folder: r.Folder, Status: mlflow.Stopped, End: r.Saved, Start: r.Saved.Add(-r.Took),
			Params: map[string]string{}, Tags: map[string]string{}, Metrics: map[string][]mlflow.Point{}}
		if r.Saved.IsZero() {
			m.Start, m.End = time.Now(), time.Now()
		}
		switch r.Status {
		case report.Running:
			m.Status = mlflow.Running
		case report.Finished:
			m.Status = mlflow.Finished
		}
		if r.Config != nil {
			for _, s := range config.Settings(r.Config) {
				m.Params[s.Key] = s.Values[0]
			}
		}
		folder, err := filepath.Abs(r.Folder)
		if err != nil {
			folder = r.Folder
		}
		m.Tags["fovea.folder"] = folder
		if d := r.Device(); d != "" {
			m.Tags["fovea.device"] = d
		}
		if r.Problem != "" {
			m.Tags["fovea.problem"] = r.Problem
		}
		add := func(name string, step int, value float64, at time.Time) {
			m.Metrics[name] = append(m.Metrics[name], mlflow.Point{Step: step, Value: value, Time: at})
		}
		for i, e := range r.History {
			at := m.Start.Add(r.Took * time.Duration(i+1) / time.Duration(len(r.History)))
			add("train_loss", i+1, e.TrainLoss, at)
			add("train_lr", i+1, e.TrainRate, at)
			for name, value := range e.Val.All() {
				if name == "val_loss" {
					name = "loss"
				}
				add("val_"+name, i+1, value, at)
			}
		}
		if a := r.Test.Assessment; a != nil {
			for _, e := range a.Measures {
				if !a.Headlined(e.Name) {
					continue
				}
				name := "test_" + e.Name
				if e.Name == "val_loss" {
					name = "test_loss"
				}
				add(name, len(r.History), float64(e.Value), m.End)
				add(name+"_low", len(r.History), float64(e.Low), m.End)
				add(name+"_high", len(r.History), float64(e.High), m.End)
			}
			m.Tags["fovea.interval"] = fmt.Sprint(a.Level)
		}
		out = append(out, m)
	}
	return out
}
