import { messages } from '../../i18n/messages';

export const words = messages({
  title: 'Change history', lead: 'Who changed what, and when. A change can be taken back while nobody has changed the same fields since.', of: 'History of {what}', all: 'All changes',
  kind: 'Kind', any: 'All', action: 'Change', actions: 'Changes', since: 'Since', until: 'Until', when: 'When', who: 'Who', what: 'What', before: 'Before', after: 'After', field: 'Field', nothing: 'No change fits', nothingHint: 'Changes are kept from the first on: take fewer filters.',
  undo: 'Undo', undone: 'The change is taken back.', undoTitle: 'Take this change back?', undoLead: 'The fields get the values that they had before. That is a change of its own, and can be taken back as well.', cancel: 'Cancel', more: 'Show more', none: 'none', undoes: 'takes back change {id}', system: 'The system', key: 'API key', utc: 'Times are UTC.', moved: 'It was changed since; both versions:', now: 'Now', wouldBe: 'After the undo', more_fields: 'and {n} more fields',
  create: 'Created', update: 'Changed', pause: 'Paused', resume: 'Activated', archive: 'Archived', undo_: 'Taken back',
}, {
  title: '变更历史', lead: '谁在何时改了什么。只要相同字段此后未被再次修改，变更就可以撤销。', of: '{what}的历史', all: '全部变更',
  kind: '类型', any: '全部', action: '变更', actions: '变更', since: '起始', until: '截止', when: '时间', who: '操作者', what: '对象', before: '变更前', after: '变更后', field: '字段', nothing: '没有符合条件的变更', nothingHint: '变更自始保留：请减少筛选条件。',
  undo: '撤销', undone: '变更已撤销。', undoTitle: '撤销此变更？', undoLead: '字段恢复为变更前的值。撤销本身也是一次变更，同样可以撤销。', cancel: '取消', more: '显示更多', none: '无', undoes: '撤销变更 {id}', system: '系统', key: 'API 密钥', utc: '时间为 UTC。', moved: '此后已被修改；两个版本：', now: '当前', wouldBe: '撤销后', more_fields: '另有 {n} 个字段',
  create: '新建', update: '修改', pause: '暂停', resume: '启用', archive: '归档', undo_: '撤销',
});
