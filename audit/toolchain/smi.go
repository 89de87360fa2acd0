package toolchain

import (
	"context"
	"encoding/xml"
	"errors"
	"strings"

	"github.com/mmaudit/mmaudit/internal/lazyre"
)

// smiLog is what is read of `nvidia-smi -q -x`. Elements that a version of it
// lacks stay empty; "N/A" and "[N/A]" are empty too.
type smiLog struct {
	GPUs []struct {
		ID           string `xml:"id,attr"`
		Name         string `xml:"product_name"`
		Architecture string `xml:"product_architecture"`
		UUID         string `xml:"uuid"`
		Serial       string `xml:"serial"`
		VBIOS        string `xml:"vbios_version"`
		GSP          string `xml:"gsp_firmware_version"`
		Persistence  string `xml:"persistence_mode"`
		Compute      string `xml:"compute_mode"`
		MIG          string `xml:"mig_mode>current_mig"`
		ECC          string `xml:"ecc_mode>current_ecc"`
		Memory       string `xml:"fb_memory_usage>total"`
		PowerOld     string `xml:"power_readings>power_limit"`
		Power        string `xml:"gpu_power_readings>current_power_limit"`
		MIGDevices   []struct {
			Index    string `xml:"index"`
			Compute  string `xml:"compute_instance_id"`
			Instance string `xml:"gpu_instance_id"`
		} `xml:"mig_devices>mig_device"`
	} `xml:"gpu"`
}

// smiGPUs asks nvidia-smi for what bears on results: firmware, error correction,
// partition, mode. What it calls CUDA Version is not read: that is what the
// driver could do. UUID and serial number identify an asset and are committed to.
func smiGPUs(ctx context.Context, e *env) (any, string, error) {
	const from = "nvidia-smi -q -x"
	data, err := e.output(ctx, Command{Name: "nvidia-smi", Args: []string{"-q", "-x"}})
	if err != nil {
		return nil, from, err
	}
	log, err := parseSMI(data)
	if err != nil {
		return nil, from, err
	}
	capability := map[string]string{}
	if data, err := e.output(ctx, Command{Name: "nvidia-smi", Args: []string{"--query-gpu=pci.bus_id,compute_cap", "--format=csv,noheader"}}); err == nil {
		capability = capabilities(data)
	}
	out := []any{}
	for _, g := range log.GPUs {
		gpu := map[string]any{"bus": bus(g.ID)}
		for name, value := range map[string]string{
			"model": g.Name, "architecture": g.Architecture, "vbios": g.VBIOS, "firmware": g.GSP, "persistence": g.Persistence,
			"compute_mode": g.Compute, "mig": g.MIG, "ecc": g.ECC, "memory": g.Memory, "power_limit": known(g.Power) + known(g.PowerOld),
			"compute_capability": capability[bus(g.ID)],
		} {
			if value = known(value); value != "" {
				gpu[name] = value
			}
		}
		for name, value := range map[string]string{"uuid": g.UUID, "serial": g.Serial} {
			if value = known(value); value != "" {
				gpu[name] = e.asset(value)
			}
		}
		if n := len(g.MIGDevices); n > 0 {
			gpu["mig_devices"] = n
		}
		out = append(out, gpu)
	}
	return out, from, nil
}

func parseSMI(data []byte) (smiLog, error) {
	var log smiLog
	d := xml.NewDecoder(strings.NewReader(strings.ToValidUTF8(string(data), "\ufffd")))
	if err := d.Decode(&log); err != nil {
		return log, err
	}
	if len(log.GPUs) == 0 {
		return log, errors.New("no GPU in it")
	}
	return log, nil
}

// known gives "" for what nvidia-smi does not know.
func known(s string) string {
	s = abbreviate(strings.TrimSpace(s))
	switch strings.Trim(s, "[]") {
	case "N/A", "Not Supported", "Unknown Error", "Insufficient Permissions", "Not Found":
		return ""
	}
	return s
}

var busID = lazyre.New(`^(?:[0-9A-Fa-f]{4})?([0-9A-Fa-f]{4}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.[0-9A-Fa-f])$`)

// bus gives an address as /proc and /sys have it: 00000000:C1:00.0 is
// 0000:c1:00.0.
func bus(id string) string {
	if m := busID().FindStringSubmatch(strings.TrimSpace(id)); m != nil {
		return strings.ToLower(m[1])
	}
	return abbreviate(strings.TrimSpace(id))
}

// capabilities reads lines "00000000:01:00.0, 8.6".
func capabilities(data []byte) map[string]string {
	out := map[string]string{}
	for _, l := range lines(data) {
		if id, v, ok := strings.Cut(l, ","); ok && version().MatchString(strings.TrimSpace(v)) {
			out[bus(id)] = strings.TrimSpace(v)
		}
	}
	return out
}
