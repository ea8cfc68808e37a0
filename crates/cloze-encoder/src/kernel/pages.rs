//! Memory in large pages: products access weights and activations with strides of kilobytes, which needs more
//! address translations than the processor caches for 4 KiB pages.

/// `len` zeros, in large pages if the system has them. Pages are allocated when they are first written.
pub(crate) fn zeros(len: usize) -> Vec<f32> {
    let memory = vec![0.0; len];
    prefer_large(&memory);
    memory
}

/// Asks the system to use large pages for those that are entirely within this memory.
#[cfg(target_os = "linux")]
pub(crate) fn prefer_large(memory: &[f32]) {
    const PAGE: usize = 4096;
    /// Smaller memory soon fits into the cache as a whole.
    const FROM: usize = 512 * 1024;
    let bytes = memory.as_ptr_range();
    let (start, end) = ((bytes.start as usize).next_multiple_of(PAGE), bytes.end as usize / PAGE * PAGE);
    if size_of_val(memory) >= FROM {
        // SAFETY: the pages lie inside memory that is borrowed, and the advice does not change their
        // contents. If the system ignores it, because it has no large pages or pages of another size, nothing
        // is lost.
        unsafe { libc::madvise(start as *mut libc::c_void, end - start, libc::MADV_HUGEPAGE) };
    }
}

/// On other systems, the operating system decides.
#[cfg(not(target_os = "linux"))]
pub(crate) fn prefer_large(_: &[f32]) {}
