package config

import "fovea/onnx/engine"

// Engine returns the settings of an engine in float32.
func (r Runtime) Engine() engine.Settings {
	return engine.Settings{Provider: r.Provider, Threads: r.Threads, Library: r.Library, CUDAGraph: r.CUDAGraph}
}

// Engine returns the settings of the engine that a run computes with.
func (c *Config) Engine() engine.Settings {
	s := c.Runtime.Engine()
	s.Precision, s.NoBFloat16 = c.Training.Precision, c.Model.ONNX != ""
	return s
}
