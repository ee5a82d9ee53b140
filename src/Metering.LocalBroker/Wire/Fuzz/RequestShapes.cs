namespace Metering.LocalBroker.Wire.Fuzz;

/// <summary>
/// The fields of every request of the table, to make valid ones: integers by their size, b boolean, u uuid, s string, n nullable
/// string, y bytes, r records; brackets an array of structures, parentheses one of plain values, ? nullable; a prefix names
/// the versions ("3+:", "2-4:"). Structures end with tagged fields in flexible versions.
/// </summary>
internal static class RequestShapes
{
    private static readonly Dictionary<ApiKey, string> Shapes = new()
    {
        [ApiKey.Produce] = "3+:n i16 i32 [ s [ i32 r ] ]",
        [ApiKey.Fetch] = "i32 i32 i32 i32 i8 7+:i32 7+:i32 [ 0-12:s 13+:u [ i32 9+:i32 i64 12+:i32 5+:i64 i32 ] ] 7+:[ 0-12:s 13+:u ( i32 ) ] 11+:s",
        [ApiKey.ListOffsets] = "i32 2+:i8 [ s [ i32 4+:i32 i64 ] ]",
        [ApiKey.Metadata] = "0-0:[ s ] 1-9:?[ s ] 10-11:?[ u s ] 12+:?[ u n ] 4+:b 8-10:b 8+:b",
        [ApiKey.OffsetCommit] = "s i32 s 7+:n 2-4:i64 [ s [ i32 i64 6+:i32 n ] ]",
        [ApiKey.OffsetFetch] = "0-7:s 1-1:[ s ( i32 ) ] 2-7:?[ s ( i32 ) ] 8-8:[ s ?[ s ( i32 ) ] ] 9+:[ s n i32 ?[ s ( i32 ) ] ] 7+:b",
        [ApiKey.FindCoordinator] = "0-3:s 1+:i8 4+:( s )",
        [ApiKey.JoinGroup] = "s i32 1+:i32 s 5+:n s [ s y ] 8+:n",
        [ApiKey.Heartbeat] = "s i32 s 3+:n",
        [ApiKey.LeaveGroup] = "s 0-2:s 3+:[ s n 5+:n ]",
        [ApiKey.SyncGroup] = "s i32 s 3+:n 5+:n 5+:n [ s y ]",
        [ApiKey.DescribeGroups] = "( s ) 3+:b",
        [ApiKey.ListGroups] = "4+:( s ) 5+:( s )",
        [ApiKey.SaslHandshake] = "s",
        [ApiKey.ApiVersions] = "3+:s 3+:s",
        [ApiKey.CreateTopics] = "[ s i32 i16 [ i32 ( i32 ) ] [ s n ] ] i32 b",
        [ApiKey.DeleteTopics] = "0-5:( s ) 6+:[ n u ] i32",
        [ApiKey.DeleteRecords] = "[ s [ i32 i64 ] ] i32",
        [ApiKey.InitProducerId] = "n i32 3+:i64 3+:i16",
        [ApiKey.OffsetForLeaderEpoch] = "3+:i32 [ s [ i32 i32 i32 ] ]",
        [ApiKey.AddPartitionsToTxn] = "s i64 i16 [ s ( i32 ) ]",
        [ApiKey.AddOffsetsToTxn] = "s i64 i16 s",
        [ApiKey.EndTxn] = "s i64 i16 b",
        [ApiKey.TxnOffsetCommit] = "s s i64 i16 3+:i32 3+:s 3+:n [ s [ i32 i64 2+:i32 n ] ]",
        [ApiKey.DescribeConfigs] = "[ i8 s ?( s ) ] b 3+:b",
        [ApiKey.SaslAuthenticate] = "y",
        [ApiKey.CreatePartitions] = "[ s i32 ?[ ( i32 ) ] ] i32 b",
        [ApiKey.DeleteGroups] = "( s )",
        [ApiKey.IncrementalAlterConfigs] = "[ i8 s [ s i8 n ] ] b",
        [ApiKey.DescribeCluster] = "b 1+:i8",
        [ApiKey.DescribeProducers] = "[ s ( i32 ) ]",
        [ApiKey.DescribeTransactions] = "( s )",
        [ApiKey.ListTransactions] = "( s ) ( i64 ) 1+:i64",
    };

    public static string[] Of(ApiKey key) => Shapes[key].Split(' ');
}
