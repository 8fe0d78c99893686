//! Smallest vertex covers of bipartite graphs.

const NONE: usize = usize::MAX;

/// A smallest set of vertices that touches every edge of a bipartite graph, given the right neighbours of
/// every left vertex: which left and which right vertices belong to it.
///
/// By the theorem of Koenig it follows from a largest matching: the left vertices that no alternating path
/// from an unmatched left vertex reaches, and the right vertices that one does.
pub(crate) fn smallest_cover(neighbours: &[Vec<usize>], rights: usize) -> [Vec<bool>; 2] {
    let lefts = neighbours.len();
    let mut partner_of_left = vec![NONE; lefts];
    let mut partner_of_right = vec![NONE; rights];
    let mut reached_left = vec![false; lefts];
    let mut reached_right = vec![false; rights];
    let mut came_from = vec![NONE; rights];
    for start in 0..lefts {
        // Breadth-first along alternating paths, to the first free right vertex.
        let mut queue = vec![start];
        let mut touched = Vec::new();
        let mut next = 0;
        let mut free = NONE;
        'search: while next < queue.len() {
            let left = queue[next];
            next += 1;
            for &right in &neighbours[left] {
                if reached_right[right] {
                    continue;
                }
                reached_right[right] = true;
                touched.push(right);
                came_from[right] = left;
                if partner_of_right[right] == NONE {
                    free = right;
                    break 'search;
                }
                queue.push(partner_of_right[right]);
            }
        }
        if free == NONE {
            // What a search without success has reached is closed: no later path can use it, and it stays
            // reachable from this unmatched vertex. The marks remain.
            for left in queue {
                reached_left[left] = true;
            }
            continue;
        }
        for right in touched {
            reached_right[right] = false;
        }
        let mut right = free;
        while right != NONE {
            let left = came_from[right];
            partner_of_right[right] = left;
            right = std::mem::replace(&mut partner_of_left[left], right);
        }
    }
    for reached in &mut reached_left {
        *reached = !*reached;
    }
    // Left vertices without edges were searched in vain, so they are reached and not in the cover.
    [reached_left, reached_right]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Against all subsets of up to 5 + 5 vertices.
        #[test]
        fn the_cover_covers_and_is_smallest(edges in proptest::collection::vec((0..5_usize, 0..5_usize), 0..14)) {
            let mut neighbours = vec![Vec::new(); 5];
            for &(left, right) in &edges {
                neighbours[left].push(right);
            }
            let [left, right] = smallest_cover(&neighbours, 5);
            prop_assert!(edges.iter().all(|&(l, r)| left[l] || right[r]));
            let size = left.iter().chain(&right).filter(|&&c| c).count();
            let smallest = (0..1_u32 << 10)
                .filter(|set| edges.iter().all(|(l, r)| set >> l & 1 == 1 || set >> (5 + r) & 1 == 1))
                .map(u32::count_ones)
                .min();
            prop_assert_eq!(Some(size as u32), smallest);
        }
    }
}
