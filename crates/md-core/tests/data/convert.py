"""Makes the GSD and extended XYZ files of this folder from the dumps that in.lammps makes.

pip install gsd==5.0.1 ase==3.29.0
"""

import ase
import ase.io
import gsd.fl
import gsd.hoomd
import numpy


def column(words):
    try:
        return numpy.array([float(word) for word in words])
    except ValueError:
        return numpy.array(words)


def frames(name):
    """The steps, the columns of the atoms by id, and the box (lx, ly, lz, xy, xz, yz in lengths) of a dump."""
    lines = iter(open(name).read().splitlines())
    for line in lines:
        if line == "ITEM: TIMESTEP":
            step = int(next(lines))
        elif line == "ITEM: NUMBER OF ATOMS":
            count = int(next(lines))
        elif line.startswith("ITEM: BOX BOUNDS"):
            bounds = [[float(word) for word in next(lines).split()] for _ in range(3)]
            xy, xz, yz = (row[2] for row in bounds)
            lx = bounds[0][1] - bounds[0][0] - (max(0, xy, xz, xy + xz) - min(0, xy, xz, xy + xz))
            ly = bounds[1][1] - bounds[1][0] - (max(0, yz) - min(0, yz))
            lz = bounds[2][1] - bounds[2][0]
        elif line.startswith("ITEM: ATOMS"):
            names = line.split()[2:]
            rows = sorted((next(lines).split() for _ in range(count)), key=lambda row: int(row[names.index("id")]))
            yield step, {n: column([row[k] for row in rows]) for k, n in enumerate(names)}, (lx, ly, lz, xy, xz, yz)


def stack(columns, names):
    return numpy.stack([columns[name] for name in names.split()], axis=1)


def hoomd(columns, step, box, dimensions):
    lx, ly, lz, xy, xz, yz = box
    frame = gsd.hoomd.Frame()
    frame.configuration.step = step
    frame.configuration.dimensions = dimensions
    frame.configuration.box = [lx, ly, lz, xy / ly, xz / lz, yz / lz]
    frame.particles.N = len(columns["id"])
    frame.particles.types = ["Large", "Unused", "Small"]
    frame.particles.typeid = 2 * (columns["type"].astype(int) - 1)
    return frame


every = list(frames("images.dump"))

# With images in every frame.
with gsd.hoomd.open("images.gsd", "w") as file:
    for step, columns, box in every:
        frame = hoomd(columns, step, box, 3)
        frame.particles.position = stack(columns, "x y z")
        frame.particles.image = stack(columns, "ix iy iz").astype(int)
        frame.particles.velocity = stack(columns, "vx vy vz")
        file.append(frame)

# As HOOMD-blue writes by default: images with the first frame only, though particles cross faces later.
with gsd.hoomd.open("wrapped.gsd", "w") as file:
    for step, columns, box in every[1:]:
        frame = hoomd(columns, step, box, 3)
        frame.particles.position = stack(columns, "x y z")
        if step == every[1][0]:
            frame.particles.image = stack(columns, "ix iy iz").astype(int)
            frame.particles.diameter = numpy.where(columns["type"] == 1, 1.0, 0.75)
        file.append(frame)

with gsd.hoomd.open("plane.gsd", "w") as file:
    for step, columns, box in frames("plane.dump"):
        frame = hoomd(columns, step, box, 2)
        lx, ly, _, xy, _, _ = box
        x, y = columns["xs"] * lx + columns["ys"] * xy, columns["ys"] * ly
        frame.particles.position = numpy.stack([x, y, 0 * x], axis=1)
        file.append(frame)

# ASE keeps momenta; positions here are unwrapped, with further columns and keys.
structures = []
for (step, columns, (lx, ly, lz, xy, xz, yz)), (_, inside, _) in zip(frames("unwrapped.dump"), every):
    atoms = ase.Atoms(
        symbols=["Ar" if kind == 1 else "Kr" for kind in inside["type"]],
        positions=stack(columns, "xu yu zu"),
        cell=[[lx, 0, 0], [xy, ly, 0], [xz, yz, lz]],
        pbc=True,
        momenta=stack(inside, "vx vy vz"),
        tags=range(len(inside["id"])),
        info={"step": step, "Time": 0.004 * step, "virial": numpy.eye(3), "note": "a = b"},
    )
    structures.append(atoms)
ase.io.write("ase.xyz", structures, format="extxyz")

# OVITO, if it is there (pip install ovito==3.17.2): wrapped positions, no step.
try:
    from ovito.io import export_file, import_file
except ImportError:
    print("no OVITO: ovito.xyz stays as it is")
else:
    axes = "XYZ"
    columns = ["Particle Identifier", "Particle Type"]
    columns += [f"{name}.{axis}" for name in ("Position", "Velocity", "Periodic Image") for axis in axes]
    export_file(import_file("images.dump"), "ovito.xyz", "xyz", columns=columns, multiple_frames=True)
