// Package progress has the one type with which training, evaluation, prepare, explain, export and downloads tell how
// far they have come.
package progress

// An Update tells how far a task has come.
type Update struct {
	Task        string // such as "epoch 3/60", "validate 3/60", "check images", "evaluate test"
	Done, Total int    // in units; Total is 0 if unknown
	Unit        string // Images or Bytes
	Detail      string // shown beside it, such as the loss
	Whole       string // how far the whole run is, of which the task is a part
}

// Units of an Update.
const (
	Images = "images"
	Bytes  = "bytes"
)

// A Func receives updates from one goroutine at a time. A nil Func receives none.
type Func func(Update)

// Of sends an update.
func (f Func) Of(u Update) {
	if f != nil {
		f(u)
	}
}

// Images returns a function that reports how many images of a task are done.
func (f Func) Images(task string) func(done, total int) {
	report := f.Task(task)
	return func(done, total int) { report(done, total, "") }
}

// Task returns a function that reports how many images of a task are done, with a detail.
func (f Func) Task(task string) func(done, total int, detail string) {
	return func(done, total int, detail string) {
		f.Of(Update{Task: task, Done: done, Total: total, Unit: Images, Detail: detail})
	}
}

// Bytes returns a function that reports how many bytes of a task are done.
func (f Func) Bytes(task string) func(done, total int64) {
	return func(done, total int64) {
		f.Of(Update{Task: task, Done: int(done), Total: int(total), Unit: Bytes})
	}
}
