import { parseCallTree } from '../call-tree.ts'

// What the Linux kernel does for the simulated services. The names are those of a 6.x kernel.

const SYSCALL = `
entry_SYSCALL_64_after_hwframe  @[kernel.kallsyms]  1.2
  do_syscall_64  1.6
    x64_sys_call
`

function syscall(tree: string) {
  return parseCallTree(SYSCALL + tree.replace(/^(?=.)/gm, '      '))
}

export const KERNEL_TREES = {
  tcp_send: syscall(`
__x64_sys_write
  ksys_write
    vfs_write  1
      sock_write_iter
        tcp_sendmsg
          tcp_sendmsg_locked  4
            _copy_from_iter  3
            tcp_stream_alloc_skb
              __alloc_skb  2
                kmem_cache_alloc_node_noprof  2
            tcp_push
              __tcp_push_pending_frames
                tcp_write_xmit  2
                  __tcp_transmit_skb  3
                    __ip_queue_xmit  1
                      ip_output  1
                        ip_finish_output2  1
                          __dev_queue_xmit  2
                            sch_direct_xmit
                              dev_hard_start_xmit
                                ena_start_xmit  6
          release_sock  1
`),
  tcp_receive: syscall(`
__x64_sys_read
  ksys_read
    vfs_read  1
      sock_read_iter
        tcp_recvmsg
          tcp_recvmsg_locked  3
            skb_copy_datagram_iter
              __skb_datagram_iter  1
                _copy_to_iter  6
            tcp_cleanup_rbuf  1
              __tcp_transmit_skb  2
          release_sock  1
`),
  epoll: syscall(`
__x64_sys_epoll_wait
  do_epoll_wait  1
    ep_poll  2
      ep_send_events  2
        ep_item_poll  1
          sock_poll
            tcp_poll  2
      schedule_hrtimeout_range
        schedule
          __schedule  2
            finish_task_switch.isra.0  6
            pick_next_task_fair  2
`),
  futex: syscall(`
__x64_sys_futex
  do_futex
    futex_wait
      __futex_wait  1
        futex_wait_queue
          schedule
            __schedule  2
              finish_task_switch.isra.0  5
    futex_wake  1
      wake_up_q
        try_to_wake_up  2
          ttwu_queue_wakelist
            __smp_call_single_queue
              native_send_call_func_single_ipi
                native_smp_send_reschedule
                  x2apic_send_IPI  3
`),
  file_read: syscall(`
__x64_sys_pread64
  vfs_read  1
    ext4_file_read_iter
      generic_file_read_iter
        filemap_read  3
          filemap_get_pages
            filemap_get_read_batch  4
          copy_page_to_iter  1
            _copy_to_iter  9
`),
  page_fault: parseCallTree(`
asm_exc_page_fault  @[kernel.kallsyms]  1
  exc_page_fault  1
    do_user_addr_fault  2
      handle_mm_fault  1
        __handle_mm_fault  2
          do_anonymous_page  1
            vma_alloc_folio_noprof
              __alloc_frozen_pages_noprof  1
                get_page_from_freelist  3
                  clear_page_erms  9
            folio_add_lru  1
          count_memcg_events  1
`),
}
