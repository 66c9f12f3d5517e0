// Package graphtest runs graphs in tests and draws their inputs. It stands outside package graphs because it opens
// ONNX Runtime, which graphs must not know. Only tests import it.
package graphtest

import (
	"slices"
	"testing"

	"fovea/graphs"
	"fovea/onnx"
	"fovea/onnx/ort"
	"fovea/onnx/ort/install"
)

// A Session runs a graph.
type Session struct {
	t       testing.TB
	session *ort.Session
	tensors map[string]*ort.Tensor
}

// Open starts a session of a graph with static shapes. The session ends with the test.
func Open(t testing.TB, g *graphs.Graph, o ort.Options) *Session {
	t.Helper()
	if _, err := install.Load(t.Context(), install.Source{}); err != nil {
		t.Fatal(err)
	}
	model, err := g.Model()
	if err != nil {
		t.Fatal(err)
	}
	if err := onnx.Check(model); err != nil {
		t.Fatal(err)
	}
	bytes, err := g.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	s := &Session{t: t, tensors: map[string]*ort.Tensor{}}
	if s.session, err = ort.NewSession(bytes, o); err != nil {
		t.Fatalf("%v\n%s", err, g)
	}
	t.Cleanup(func() {
		s.session.Close()
		for _, x := range s.tensors {
			x.Close()
		}
	})
	for _, info := range append(s.session.Inputs(), s.session.Outputs()...) {
		x, err := ort.NewTensor(info.Type, info.Shape...)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.session.Bind(info.Name, x); err != nil {
			t.Fatal(err)
		}
		s.tensors[info.Name] = x
	}
	return s
}

// Run fills every input, runs and returns the outputs by name.
func (s *Session) Run(fill func(name string, x []float32)) map[string][]float32 {
	s.t.Helper()
	for _, info := range s.session.Inputs() {
		fill(info.Name, s.tensors[info.Name].Float32())
	}
	if err := s.session.Run(); err != nil {
		s.t.Fatal(err)
	}
	out := map[string][]float32{}
	for _, info := range s.session.Outputs() {
		out[info.Name] = slices.Clone(s.tensors[info.Name].Float32())
	}
	return out
}

// EndProfile ends the profile that the options asked for and returns its file.
func (s *Session) EndProfile() string {
	s.t.Helper()
	path, err := s.session.EndProfile()
	if err != nil {
		s.t.Fatal(err)
	}
	return path
}
