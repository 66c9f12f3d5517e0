// Package tensorboard writes scalars to event files that TensorBoard reads.
//
// An event file is a sequence of TFRecords, each an Event message (tensorflow/core/util/event.proto). The first names
// the format, "brain.Event:2"; the second is a session start. TensorBoard reads a folder's files one after another in
// the order of their names, which begin with the time of creation.
//
// A run that stopped and resumes goes on in a new file. The session start carries the step at which it resumes, and
// TensorBoard drops what earlier files hold from that step on (its purge of orphaned data), so that the steps done
// twice show once. TensorBoard's faster data server, where it is installed, ignores the session start and instead
// drops, tag by tag, what earlier files hold from the step at which the tag goes on.
package tensorboard
