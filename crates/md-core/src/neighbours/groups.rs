//! Neighbours by fours, and the loads and stores that follow their indices: the one module with `unsafe` code.
//!
//! Indices are compared with the size of a window when a list is used, and not one by one in the loop over pairs: there
//! the comparisons and the addresses were a third of the instructions in single precision.
#![allow(unsafe_code)]

use crate::lanes::{Quad, SingleQuad};
use std::ops::Range;

/// A particle and four neighbours of the same species, or fewer filled up with nobody. Places are given by *offsets*,
/// four times their number: where their numbers start, in up to three dimensions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Group {
    own: u32,
    others: [u32; 4],
}

impl Group {
    /// The offset of the particle.
    pub(super) fn own(&self) -> u32 {
        self.own
    }

    /// The offsets of its neighbours.
    pub(super) fn others(&self) -> [u32; 4] {
        self.others
    }
}

/// Groups, and the largest of their offsets.
#[derive(Clone, Debug, Default)]
pub(super) struct Groups {
    all: Vec<Group>,
    /// No offset in `all` is above the largest of these.
    largest: [u32; 4],
}

impl Groups {
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn clear(&mut self) {
        self.all.clear();
        self.largest = [0; 4];
    }

    /// Adds neighbours of a particle.
    #[inline(always)]
    pub(super) fn extend(&mut self, own: u32, fours: &[[u32; 4]]) {
        let mut largest = self.largest.map(|largest| largest.max(own));
        for four in fours {
            for (largest, &other) in largest.iter_mut().zip(four) {
                *largest = other.max(*largest);
            }
        }
        // Before the groups, so that there is never one beyond it.
        self.largest = largest;
        let groups = fours.iter().map(|&others| Group { own, others });
        self.all.extend(groups);
    }

    #[inline(always)]
    pub(super) fn slice(&self, range: Range<usize>) -> Slice<'_> {
        Slice {
            groups: &self.all[range],
            largest: self.largest.into_iter().fold(0, u32::max),
        }
    }
}

/// Some groups, one after the other.
#[derive(Clone, Copy)]
pub(crate) struct Slice<'a> {
    groups: &'a [Group],
    /// No offset in `groups` is above.
    largest: u32,
}

impl<'a> Slice<'a> {
    pub(super) fn groups(self) -> &'a [Group] {
        self.groups
    }

    /// # Panics
    /// If a group has a place beyond the window: a list goes with its own.
    fn check<Q>(self, window: &[Q]) {
        assert!(
            (self.largest.div_ceil(4) as usize) < window.len(),
            "neighbours beyond the window of their list"
        );
    }

    /// Visits groups with the places of their neighbours.
    #[inline(always)]
    pub(super) fn visit(self, places: &[Quad], mut visit: impl FnMut(&Group, [Quad; 4])) {
        self.check(places);
        for group in self.groups {
            // SAFETY: no offset is above `largest`, which was checked.
            visit(
                group,
                group.others.map(|other| unsafe { load(places, other) }),
            );
        }
    }

    /// The same groups in slices of an even number at most.
    pub(crate) fn blocks(self, most: usize) -> impl Iterator<Item = Slice<'a>> {
        let blocks = self.groups.chunks((most & !1).max(2));
        blocks.map(move |groups| Slice { groups, ..self })
    }

    /// Visits `GROUPS` groups at a time with the places of their particles and neighbours, and access to the forces
    /// there. Groups that are left over are not visited; there are none if the slice is a run.
    #[inline(always)]
    pub(crate) fn visit_batches<Q: Plain, const GROUPS: usize>(
        self,
        places: &[Quad],
        forces: &mut [Q],
        mut visit: impl FnMut([Quad; GROUPS], [[Quad; GROUPS]; 4], Forces<'_, Q, GROUPS>),
    ) {
        self.check(places);
        self.check(forces);
        for batch in self.groups.as_chunks().0 {
            // SAFETY: no offset is above `largest`, which was checked against both slices.
            let (own, others) = unsafe {
                (
                    batch.map(|group| load(places, group.own)),
                    std::array::from_fn(|lane| batch.map(|group| load(places, group.others[lane]))),
                )
            };
            visit(own, others, Forces { forces, batch });
        }
    }
}

/// The forces on the particles of some groups and on their neighbours. Made by [`Slice::visit_batches`] alone, which
/// sees to it that the offsets of `batch` are inside `forces`.
pub(crate) struct Forces<'a, Q, const GROUPS: usize> {
    forces: &'a mut [Q],
    batch: &'a [Group; GROUPS],
}

impl<Q: Plain, const GROUPS: usize> Forces<'_, Q, GROUPS> {
    /// Changes the force on the particle of a group.
    #[inline(always)]
    pub(crate) fn on_own(&mut self, group: usize, change: impl FnOnce(Q) -> Q) {
        // SAFETY: see `Forces`.
        unsafe { update(self.forces, self.batch[group].own, change) }
    }

    /// Changes the force on a neighbour of a group.
    #[inline(always)]
    pub(crate) fn on_other(&mut self, group: usize, lane: usize, change: impl FnOnce(Q) -> Q) {
        // SAFETY: see `Forces`.
        unsafe { update(self.forces, self.batch[group].others[lane], change) }
    }
}

/// Four numbers and nothing else.
///
/// # Safety
/// Every pattern of bits must be a value, and the size a multiple of four.
pub(crate) unsafe trait Plain: Copy {}

// SAFETY: arrays of four floating-point numbers, aligned to their size.
unsafe impl Plain for Quad {}
// SAFETY: as above.
unsafe impl Plain for SingleQuad {}

/// # Safety
/// `offset + 4` must not be above four times the length of the window.
#[inline(always)]
unsafe fn load<Q: Plain>(window: &[Q], offset: u32) -> Q {
    // SAFETY: inside the slice, as the caller says; neither alignment nor bits matter.
    unsafe {
        let quarters = window.as_ptr().cast::<u8>();
        let quad = quarters.add(offset as usize * (size_of::<Q>() / 4));
        quad.cast::<Q>().read_unaligned()
    }
}

/// # Safety
/// As of [`load`].
#[inline(always)]
unsafe fn update<Q: Plain>(window: &mut [Q], offset: u32, change: impl FnOnce(Q) -> Q) {
    // SAFETY: as in `load`; the slice is borrowed for writing.
    unsafe {
        let changed = change(load(window, offset));
        let quarters = window.as_mut_ptr().cast::<u8>();
        let quad = quarters.add(offset as usize * (size_of::<Q>() / 4));
        quad.cast::<Q>().write_unaligned(changed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sums of what a list of one group with the largest offset 8 finds in a window.
    fn visit(window: usize) -> f64 {
        let mut groups = Groups::default();
        groups.extend(4, &[[0, 4, 8, 0]]);
        let places: Vec<Quad> = (0..window).map(|place| Quad([place as f64; 4])).collect();
        let mut forces = vec![SingleQuad::default(); window];
        groups.slice(0..1).visit_batches::<_, 1>(
            &places,
            &mut forces,
            |[own], others, mut forces| {
                forces.on_own(0, |_| SingleQuad([own.0[0] as f32; 4]));
                forces.on_other(0, 2, |_| SingleQuad([others[2][0].0[0] as f32; 4]));
            },
        );
        forces.iter().map(|force| f64::from(force.0[0])).sum()
    }

    #[test]
    fn groups_find_their_places() {
        assert_eq!(visit(3), 1.0 + 2.0);
    }

    #[test]
    #[should_panic(expected = "beyond the window")]
    fn a_list_of_another_window_is_refused() {
        visit(2);
    }
}
