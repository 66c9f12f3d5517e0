package tensorboard

import (
	"bytes"
	"image/png"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// Field numbers of tensorflow/core/framework/summary.proto, and of tensorboard/plugins/hparams/plugin_data.proto.
const (
	valueImage    = 4 // Image
	valueTensor   = 8 // TensorProto
	valueMetadata = 9 // SummaryMetadata

	imageHeight, imageWidth, imageColours, imageEncoded = 1, 2, 3, 4

	metadataPlugin          = 1 // PluginData
	pluginName, pluginBytes = 1, 2

	hparamsStart = 3 // SessionStartInfo
	startHParams = 1 // map<string, google.protobuf.Value>
	startSeconds = 5

	protoNumber, protoString, protoBool = 2, 3, 4 // of google.protobuf.Value
)

// Image writes a PNG of a tag at a step.
func (w *Writer) Image(tag string, step int64, content []byte, wall time.Time) error {
	of, err := png.DecodeConfig(bytes.NewReader(content))
	if err != nil {
		return err
	}
	var img []byte
	for field, value := range []uint64{imageHeight: uint64(of.Height), imageWidth: uint64(of.Width), imageColours: 3} {
		if value > 0 {
			img = protowire.AppendTag(img, protowire.Number(field), protowire.VarintType)
			img = protowire.AppendVarint(img, value)
		}
	}
	img = appendBytes(img, imageEncoded, content)
	v := appendBytes(nil, valueTag, []byte(tag))
	return w.write(summaryEvent(wall, step, appendBytes(v, valueImage, img)))
}

// HParams writes the settings of a run for TensorBoard's page of hyperparameters. A value that reads as a number or as
// true or false is written as such.
func (w *Writer) HParams(settings map[string]string, wall time.Time) error {
	var start []byte
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		entry := appendBytes(nil, 1, []byte(name))
		start = appendBytes(start, startHParams, appendBytes(entry, 2, protoValue(settings[name])))
	}
	start = protowire.AppendTag(start, startSeconds, protowire.Fixed64Type)
	start = protowire.AppendFixed64(start, math.Float64bits(float64(wall.UnixNano())/1e9))
	plugin := appendBytes(nil, pluginName, []byte("hparams"))
	plugin = appendBytes(plugin, pluginBytes, appendBytes(nil, hparamsStart, start))
	metadata := appendBytes(nil, metadataPlugin, plugin)
	v := appendBytes(nil, valueTag, []byte("_hparams_/session_start_info"))
	v = appendBytes(v, valueTensor, nullTensor)
	return w.write(summaryEvent(wall, 0, appendBytes(v, valueMetadata, metadata)))
}

// nullTensor is TensorBoard's: float32 of shape [0].
var nullTensor = []byte{0x08, 0x01, 0x12, 0x02, 0x12, 0x00}

func protoValue(text string) []byte {
	if x, err := strconv.ParseFloat(text, 64); err == nil {
		return protowire.AppendFixed64(protowire.AppendTag(nil, protoNumber, protowire.Fixed64Type), math.Float64bits(x))
	}
	if text == "true" || text == "false" {
		return protowire.AppendVarint(protowire.AppendTag(nil, protoBool, protowire.VarintType),
			protowire.EncodeBool(text == "true"))
	}
	return appendBytes(nil, protoString, []byte(text))
}

func summaryEvent(wall time.Time, step int64, value []byte) []byte {
	return appendBytes(appendHead(nil, wall, step), eventSummary, appendBytes(nil, summaryValue, value))
}
