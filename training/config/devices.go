package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ParseDevices reads runtime.devices: "all", a number of processes, or the numbers of GPUs with commas between them.
// "" is 1. A number of 0 means all GPUs, or those of the list.
func ParseDevices(text string) (number int, list []int, err error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return 1, nil, nil
	case text == "all":
		return 0, nil, nil
	case !strings.Contains(text, ","):
		number, err = strconv.Atoi(text)
		if err != nil || number < 1 || number > maxDevices {
			return 0, nil, fmt.Errorf("is %.100q: must be \"all\", a number from 1 to %d, or GPUs as in \"0,2\"", text, maxDevices)
		}
		return number, nil, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		gpu, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil || gpu < 0 || slices.Contains(list, gpu) {
			return 0, nil, fmt.Errorf("is %.100q: must name each GPU once, from 0, as in \"0,2\"", text)
		}
		list = append(list, gpu)
	}
	return 0, list, nil
}

// maxDevices is more than a machine has.
const maxDevices = 1024

// checkDevices refuses values that name no device, or GPUs beside the CPU.
func (r Runtime) checkDevices(k *checker) {
	number, _, err := ParseDevices(r.Devices)
	k.check("runtime.devices", err == nil, "%v", err)
	k.check("runtime.devices", number > 0 || r.Provider != "cpu",
		"is %q beside runtime.provider = \"cpu\": set it to a number of processes", r.Devices)
}
