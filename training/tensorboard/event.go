package tensorboard

import (
	"math"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// These are the field numbers of tensorflow/core/util/event.proto and tensorflow/core/framework/summary.proto.
const (
	eventWallTime       = 1 // double
	eventStep           = 2 // int64
	eventFileVersion    = 3 // string
	eventSummary        = 5 // Summary
	eventSessionLog     = 7 // SessionLog
	eventSourceMetadata = 10

	summaryValue       = 1 // repeated Value
	valueTag           = 1 // string
	valueSimpleValue   = 2 // float
	sessionLogStatus   = 1 // enum
	sessionLogStart    = 1 // SessionLog.START
	sourceWriter       = 1 // string
	fileVersion        = "brain.Event:2"
	sourceWriterOfThis = "fovea/training/tensorboard"
)

// appendHead appends the fields that every event has. It leaves out zero values, as proto3 does.
func appendHead(b []byte, wall time.Time, step int64) []byte {
	if seconds := float64(wall.Unix()) + float64(wall.Nanosecond())/1e9; seconds != 0 {
		b = protowire.AppendTag(b, eventWallTime, protowire.Fixed64Type)
		b = protowire.AppendFixed64(b, math.Float64bits(seconds))
	}
	if step != 0 {
		b = protowire.AppendTag(b, eventStep, protowire.VarintType)
		b = protowire.AppendVarint(b, uint64(step))
	}
	return b
}

// appendBytes appends a field that holds bytes.
func appendBytes(b []byte, field protowire.Number, data []byte) []byte {
	b = protowire.AppendTag(b, field, protowire.BytesType)
	return protowire.AppendBytes(b, data)
}

// versionEvent returns the event that begins a file.
func versionEvent(wall time.Time) []byte {
	b := appendHead(nil, wall, 0)
	b = appendBytes(b, eventFileVersion, []byte(fileVersion))
	return appendBytes(b, eventSourceMetadata, appendBytes(nil, sourceWriter, []byte(sourceWriterOfThis)))
}

// startEvent returns the event of a session that starts at a step.
func startEvent(wall time.Time, step int64) []byte {
	log := protowire.AppendTag(nil, sessionLogStatus, protowire.VarintType)
	log = protowire.AppendVarint(log, sessionLogStart)
	return appendBytes(appendHead(nil, wall, step), eventSessionLog, log)
}

// scalarEvent returns the event of a scalar.
func scalarEvent(wall time.Time, step int64, tag string, value float32) []byte {
	v := appendBytes(nil, valueTag, []byte(tag))
	v = protowire.AppendTag(v, valueSimpleValue, protowire.Fixed32Type)
	v = protowire.AppendFixed32(v, math.Float32bits(value))
	return summaryEvent(wall, step, v)
}
