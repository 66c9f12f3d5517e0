package config_test

import (
	"fmt"
	"os"
	"path/filepath"

	"fovea/training/config"
)

// An override is stronger than the environment, which is stronger than the file. What nobody sets has its default.
func ExampleRead() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "octid.toml")
	const text = `
[data]
dir = "OCTID"

[schedule]
epochs = 20
warmup = 2

[training]
batch = 8
`
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		fmt.Println(err)
		return
	}
	overrides := []string{"schedule.epochs=100"}
	environ := []string{"FOVEA_SCHEDULE_EPOCHS=50", "FOVEA_TRAINING_BATCH=16"}
	c, err := config.Read(file, overrides, environ)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("name:", c.Name)
	fmt.Println("epochs:", c.Schedule.Epochs)
	fmt.Println("batch:", c.Training.Batch)
	fmt.Println("warmup:", c.Schedule.Warmup)
	fmt.Println("layer decay:", c.Optimizer.LayerDecay)

	_, err = config.Read(file, []string{"training.accumulate=two"}, nil)
	fmt.Println(err)
	// Output:
	// name: octid
	// epochs: 100
	// batch: 16
	// warmup: 2
	// layer decay: 0.65
	// -set training.accumulate=two: training.accumulate: found "two", expected an integer
}
