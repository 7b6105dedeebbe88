// Original file: proto/troupe/v1/api.proto


export interface GetScaleRequest {
}

export interface GetScaleRequest__Output {
}
