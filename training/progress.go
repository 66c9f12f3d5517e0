package training

// Update tells how far a task has come.
type Update struct {
	Task        string // such as "epoch 3/60", "validate 3/60", "check images", "evaluate test"
	Done, Total int    // Total is 0 if unknown
	Unit        string // "images" or "bytes"
	Detail      string // what to show beside it, such as the loss
}

// reporter passes updates of one task on, if anybody listens.
func reporter(to func(Update), task, unit string) func(done, total int, detail string) {
	return func(done, total int, detail string) {
		if to != nil {
			to(Update{Task: task, Done: done, Total: total, Unit: unit, Detail: detail})
		}
	}
}
