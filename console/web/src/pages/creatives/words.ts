import { messages } from '../../i18n/messages';

export const words = messages({
  title: 'Creatives', upload: 'Upload', noAdvertiser: 'No advertiser yet', none: 'No creative yet', noneHint: 'Upload an image, an HTML5 zip, a video or audio file: it is decoded and checked before it is kept.', find: 'Find a creative', all: 'All states', state: 'Status', noMatch: 'No creative fits.',
  file: 'File', fileHint: 'PNG, JPEG, GIF, WebP or an HTML5 zip. What it is goes by its content.', name: 'Name', landing: 'Landing page', landingHint: 'https, on one of the advertiser’s hosts: {hosts}', uploading: 'Uploading: {n}%', checking: 'The file is being checked…', cancel: 'Cancel', add: 'Add creative', choose: 'Choose a file first.', made: '{name} is added; the exchanges that review creatives see it as pending.', preview: 'The chosen file',
  exchanges: 'Exchanges', review: 'Review', pending: 'Pending', approved: 'Approved', rejected: 'Rejected', unreviewed: 'No review needed or asked', reviewTitle: 'Review of {name}', exchange: 'Exchange', reason: 'Reason', exchangeId: 'The exchange’s id', save: 'Save', saved: 'The review is saved.', weight: '{n} KB', asset: 'File', format: 'Format', needReason: 'Say why it was rejected.', otherKind: 'This file is {type}. Its asset {id} is stored; creatives of video, audio and VAST name it in the API.',
}, {
  title: '创意', upload: '上传', noAdvertiser: '还没有广告主', none: '还没有创意', noneHint: '上传图片、HTML5 压缩包、视频或音频：保存前会解码并检查。', find: '查找创意', all: '全部状态', state: '状态', noMatch: '没有符合条件的创意。',
  file: '文件', fileHint: 'PNG、JPEG、GIF、WebP 或 HTML5 压缩包。类型以内容为准。', name: '名称', landing: '落地页', landingHint: 'https，且属于广告主的域名：{hosts}', uploading: '正在上传：{n}%', checking: '正在检查文件…', cancel: '取消', add: '添加创意', choose: '请先选择文件。', made: '已添加 {name}；需要审核的交易平台显示为待审。', preview: '所选文件',
  exchanges: '交易平台', review: '审核', pending: '待审', approved: '已批准', rejected: '已拒绝', unreviewed: '无需或未提交审核', reviewTitle: '{name} 的审核', exchange: '交易平台', reason: '原因', exchangeId: '平台侧编号', save: '保存', saved: '审核已保存。', weight: '{n} KB', asset: '文件', format: '形式', needReason: '请说明拒绝原因。', otherKind: '该文件类型为 {type}。素材 {id} 已保存；视频、音频和 VAST 创意请通过 API 引用。',
});
