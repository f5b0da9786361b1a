import { messages } from '../../i18n/messages';

export const words = messages({
  title: 'Operations', health: 'State now', bidding: 'Bidding', idle: 'Ready, no requests', stopped: 'All bidding is stopped', notReady: 'Not ready', ready: 'Ready',
  state: 'State', requests: 'Requests per second', bids: 'Bids per second', p99: 'Latency, p99', lag: 'Report lag', spill: 'Records waiting on disk', partitions: 'Ledger partitions stopped', leases: 'Open budget leases',
  lastMinute: 'mean of the last minute', worstMinute: 'worst second of the last minute', seconds: '{n} s', ms: '{n} ms',
  brakes: 'Brakes', brakesLead: 'Whatever stops bidding now: people, breakers and configuration.', noBrakes: 'No brake is on.', what: 'What', why: 'Reason', by: 'By', since: 'Since',
  release: 'Release', stop: 'Stop bidding…', released: '{what} is released.', killed: '{what} is stopped.', configured: 'Take it out of the configuration',
  all: 'Everything', exchange: 'Exchange', agency: 'Agency', advertiser: 'Advertiser', campaign: 'Campaign', line_item: 'Line item', creative: 'Creative',
  scope: 'What to stop', target: 'Its id', reason: 'Reason', reasonHint: 'For the log and the next shift.', cancel: 'Cancel', confirm: 'Stop bidding', sureRelease: 'Release {what}?', needReason: 'Say why, in a few words.', needTarget: 'Give the id, a whole number.',
  traffic: 'Traffic', latency: 'Latency', p50: 'p50', perSecond: 'per second, the last two minutes', reasons: 'Why no bid', reasonsLead: 'Impressions without a bid in the last two minutes.', noNoBids: 'Every impression got a bid, or there was none.', count: 'Count', share: 'Share',
  exchanges: 'Exchanges', exchangesLead: 'Today so far, days in UTC. Reports lag by {n} s.', requestsToday: 'Requests', bidsToday: 'Bids', winsToday: 'Wins', winRate: 'Win rate', impressions: 'Impressions', media: 'Media cost', status: 'Status', running: 'Open', killedState: 'Stopped', books: 'Books',
  ledger: 'Ledger', payables: 'Owed to exchanges', owed: 'Owed', counted: 'Counted by reports', difference: 'Difference', noPayables: 'Nothing is owed yet.', asOf: 'As of {at}.', refused: 'Refused requests', refusedLead: 'A sample of bid requests that were answered with a 400.', noRefused: 'None.', at: 'At', rule: 'Rule', field: 'Field', bytes: 'Bytes', statement: 'Open the ledger',
  noReports: 'This node keeps no reports: traffic and lag are shown by the nodes that do.',
}, {
  title: '运行状况', health: '当前状态', bidding: '正在竞价', idle: '就绪，暂无请求', stopped: '全部竞价已停止', notReady: '未就绪', ready: '就绪',
  state: '状态', requests: '每秒请求', bids: '每秒出价', p99: '延迟 p99', lag: '报表延迟', spill: '磁盘待写记录', partitions: '已停止的账本分区', leases: '未结预算租约',
  lastMinute: '最近一分钟平均', worstMinute: '最近一分钟最差一秒', seconds: '{n} 秒', ms: '{n} 毫秒',
  brakes: '制动', brakesLead: '当前阻止竞价的一切：人工、熔断和配置。', noBrakes: '没有生效的制动。', what: '对象', why: '原因', by: '操作者', since: '开始时间',
  release: '解除', stop: '停止竞价…', released: '已解除 {what}。', killed: '已停止 {what}。', configured: '请从配置中移除',
  all: '全部', exchange: '交易平台', agency: '代理商', advertiser: '广告主', campaign: '广告活动', line_item: '订单项', creative: '创意',
  scope: '停止范围', target: '编号', reason: '原因', reasonHint: '写入日志，供下一班查看。', cancel: '取消', confirm: '停止竞价', sureRelease: '解除 {what}？', needReason: '请简要说明原因。', needTarget: '请输入编号（整数）。',
  traffic: '流量', latency: '延迟', p50: 'p50', perSecond: '每秒，最近两分钟', reasons: '未出价原因', reasonsLead: '最近两分钟未出价的展示。', noNoBids: '所有展示都已出价，或没有展示。', count: '次数', share: '占比',
  exchanges: '交易平台', exchangesLead: '今日至今（UTC）。报表延迟 {n} 秒。', requestsToday: '请求', bidsToday: '出价', winsToday: '赢得', winRate: '胜率', impressions: '展示', media: '媒体成本', status: '状态', running: '开放', killedState: '已停止', books: '账目',
  ledger: '账本', payables: '应付交易平台', owed: '应付', counted: '报表计数', difference: '差额', noPayables: '暂无应付。', asOf: '截至 {at}。', refused: '被拒请求', refusedLead: '以 400 应答的竞价请求抽样。', noRefused: '无。', at: '时间', rule: '规则', field: '字段', bytes: '字节', statement: '打开账本',
  noReports: '本节点不保存报表：流量和延迟由保存报表的节点显示。',
});
