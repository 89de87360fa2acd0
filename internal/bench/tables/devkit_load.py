"""Loads the tables of a nuScenes data set with nuscenes-devkit, as every
script on it does first, and prints how long it took: the import of the devkit
and of what it needs is not counted.

    python3 internal/bench/tables/devkit_load.py DIR [VERSION]
"""

import json
import os
import resource
import sys
import time


def main(root, version="v1.0-trainval"):
    # The devkit looks whether the maps are there, and opens none.
    with open(os.path.join(root, version, "map.json")) as f:
        for row in json.load(f):
            name = os.path.join(root, row["filename"])
            os.makedirs(os.path.dirname(name), exist_ok=True)
            open(name, "a").close()

    from nuscenes import NuScenes

    start, used = time.perf_counter(), time.process_time()
    data = NuScenes(version=version, dataroot=root, verbose=False)
    print(json.dumps({
        "seconds": round(time.perf_counter() - start, 3),
        "processor": round(time.process_time() - used, 3),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000,
        "rows": {t: len(getattr(data, t)) for t in data.table_names},
    }))


if __name__ == "__main__":
    main(*sys.argv[1:])
