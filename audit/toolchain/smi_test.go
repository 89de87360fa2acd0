package toolchain

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
)

// As nvidia-smi 535 prints it, cut to what matters here.
const smiXML = `<?xml version="1.0" ?>
<!DOCTYPE nvidia_smi_log SYSTEM "nvsmi_device_v12.dtd">
<nvidia_smi_log>
	<timestamp>Thu Oct 19 18:56:32 2023</timestamp>
	<driver_version>535.129.03</driver_version>
	<cuda_version>12.2</cuda_version>
	<attached_gpus>2</attached_gpus>
	<gpu id="00000000:C1:00.0">
		<product_name>NVIDIA H100 80GB HBM3</product_name>
		<product_architecture>Hopper</product_architecture>
		<persistence_mode>Enabled</persistence_mode>
		<mig_mode>
			<current_mig>Enabled</current_mig>
			<pending_mig>Enabled</pending_mig>
		</mig_mode>
		<mig_devices>
			<mig_device><index>0</index><gpu_instance_id>9</gpu_instance_id></mig_device>
		</mig_devices>
		<serial>1650123456789</serial>
		<uuid>GPU-1b2c3d4e-0000-1111-2222-333344445555</uuid>
		<vbios_version>96.00.61.00.01</vbios_version>
		<gsp_firmware_version>535.129.03</gsp_firmware_version>
		<ecc_mode>
			<current_ecc>Enabled</current_ecc>
		</ecc_mode>
		<fb_memory_usage>
			<total>81559 MiB</total>
		</fb_memory_usage>
		<compute_mode>Default</compute_mode>
		<gpu_power_readings>
			<current_power_limit>700.00 W</current_power_limit>
		</gpu_power_readings>
	</gpu>
	<gpu id="00000000:C2:00.0">
		<product_name>Quadro P400</product_name>
		<mig_mode><current_mig>N/A</current_mig></mig_mode>
		<serial>N/A</serial>
		<uuid>[Unknown Error]</uuid>
		<ecc_mode><current_ecc>[N/A]</current_ecc></ecc_mode>
		<power_readings><power_limit>30.00 W</power_limit></power_readings>
	</gpu>
</nvidia_smi_log>
`

func TestGPUsOfSMI(t *testing.T) {
	runner := func(_ context.Context, c Command, w io.Writer) error {
		switch {
		case c.Name != "nvidia-smi":
			return errAbsent
		case slices.Contains(c.Args, "-x"):
			fmt.Fprint(w, smiXML)
		case strings.Contains(strings.Join(c.Args, " "), "compute_cap"):
			fmt.Fprint(w, "00000000:C1:00.0, 9.0\n00000000:C2:00.0, [N/A]\n")
		}
		return nil
	}
	o := Options{Root: tree(t, workstation), Run: runner, SiteKey: []byte(key)}
	r := capture(t, o)
	e := &env{redact: mustRedact(t)}
	want(t, r, "nvidia.gpus", `[{"architecture":"Hopper","bus":"0000:c1:00.0","compute_capability":"9.0","compute_mode":"Default","ecc":"Enabled",`+
		`"firmware":"535.129.03","memory":"81559 MiB","mig":"Enabled","mig_devices":1,"model":"NVIDIA H100 80GB HBM3","persistence":"Enabled",`+
		`"power_limit":"700.00 W","serial":"`+e.asset("1650123456789")+`","uuid":"`+e.asset("GPU-1b2c3d4e-0000-1111-2222-333344445555")+`","vbios":"96.00.61.00.01"},`+
		`{"bus":"0000:c2:00.0","model":"Quadro P400","power_limit":"30.00 W"}]`, "nvidia-smi -q -x")
	// The same GPU has the same commitment in /proc; what the driver could do
	// is not taken for a version.
	data, _ := r.JSON()
	for _, no := range []string{"1650123456789", "GPU-1b2c3d4e", "12.2"} {
		if strings.Contains(string(data), no) {
			t.Errorf("%s is in the report", no)
		}
	}
	o.Run = nil
	want(t, capture(t, o), "nvidia.gpus", `[{"bus":"0000:01:00.0","firmware":"535.129.03","model":"NVIDIA RTX A6000","uuid":"`+
		e.asset("GPU-1b2c3d4e-0000-1111-2222-333344445555")+`","vbios":"94.02.5c.00.02"}]`, "/proc/driver/nvidia/gpus")
}
