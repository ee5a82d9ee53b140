using System.Runtime.InteropServices;

namespace Metering.ClickHouse.Embedded;

/// <summary>
/// libchdb's C interface. Handles are raw: EngineConnection owns their lifetimes. One statement a connection at a
/// time, all of a connection's calls from one thread.
/// </summary>
internal static unsafe partial class Chdb
{
    public const string Library = "chdb";

    static Chdb() => ChdbLibrary.InstallResolver();

    /// <summary>Process-wide and sticky; before the first connect.</summary>
    [LibraryImport(Library, EntryPoint = "chdb_set_signal_handlers_enabled")]
    public static partial void SetSignalHandlersEnabled(int enabled);

    /// <summary>argv[0] is a program name. Null on failure; the reason goes to standard error only.</summary>
    [LibraryImport(Library, EntryPoint = "chdb_connect")]
    public static partial nint* Connect(int argc, byte** argv);

    /// <summary>Closing the last connection shuts the engine down.</summary>
    [LibraryImport(Library, EntryPoint = "chdb_close_conn")]
    public static partial void Close(nint* connection);

    [LibraryImport(Library, EntryPoint = "chdb_query_with_params_n")]
    public static partial nint Query(
        nint connection, byte* sql, nuint sqlBytes, byte* format, nuint formatBytes,
        byte** names, nuint* nameBytes, byte** values, nuint* valueBytes, nuint count);

    [LibraryImport(Library, EntryPoint = "chdb_stream_query_with_params_n")]
    public static partial nint StreamQuery(
        nint connection, byte* sql, nuint sqlBytes, byte* format, nuint formatBytes,
        byte** names, nuint* nameBytes, byte** values, nuint* valueBytes, nuint count);

    /// <summary>The next chunk; length 0 = end.</summary>
    [LibraryImport(Library, EntryPoint = "chdb_stream_fetch_result")]
    public static partial nint StreamFetch(nint connection, nint stream);

    [LibraryImport(Library, EntryPoint = "chdb_stream_cancel_query")]
    public static partial void StreamCancel(nint connection, nint stream);

    [LibraryImport(Library, EntryPoint = "chdb_stream_insert_with_params_n")]
    public static partial nint InsertOpen(
        nint connection, byte* sql, nuint sqlBytes, byte* format, nuint formatBytes,
        byte** names, nuint* nameBytes, byte** values, nuint* valueBytes, nuint count);

    /// <summary>Copies the chunk; 0 = taken. May block: the engine holds back a fast writer.</summary>
    [LibraryImport(Library, EntryPoint = "chdb_stream_append")]
    public static partial int InsertAppend(nint stream, byte* data, nuint bytes);

    /// <summary>The result is the acknowledgement, or the error.</summary>
    [LibraryImport(Library, EntryPoint = "chdb_stream_done")]
    public static partial nint InsertDone(nint stream);

    [LibraryImport(Library, EntryPoint = "chdb_stream_cancel_insert")]
    public static partial void InsertCancel(nint stream);

    [LibraryImport(Library, EntryPoint = "chdb_stream_insert_error")]
    public static partial byte* InsertError(nint stream);

    [LibraryImport(Library, EntryPoint = "chdb_destroy_insert_stream")]
    public static partial void InsertDestroy(nint stream);

    [LibraryImport(Library, EntryPoint = "chdb_result_buffer")]
    public static partial byte* ResultBuffer(nint result);

    [LibraryImport(Library, EntryPoint = "chdb_result_length")]
    public static partial nuint ResultLength(nint result);

    /// <summary>Null = no error.</summary>
    [LibraryImport(Library, EntryPoint = "chdb_result_error")]
    public static partial byte* ResultError(nint result);

    [LibraryImport(Library, EntryPoint = "chdb_result_rows_read")]
    public static partial ulong ResultRowsRead(nint result);

    [LibraryImport(Library, EntryPoint = "chdb_result_bytes_read")]
    public static partial ulong ResultBytesRead(nint result);

    /// <summary>Rows pushed into tables, the targets of materialized views included.</summary>
    [LibraryImport(Library, EntryPoint = "chdb_result_rows_written")]
    public static partial ulong ResultRowsWritten(nint result);

    [LibraryImport(Library, EntryPoint = "chdb_result_bytes_written")]
    public static partial ulong ResultBytesWritten(nint result);

    [LibraryImport(Library, EntryPoint = "chdb_destroy_query_result")]
    public static partial void ResultDestroy(nint result);

    [LibraryImport(Library, EntryPoint = "chdb_version")]
    public static partial byte* Version();

    [LibraryImport(Library, EntryPoint = "chdb_classify_query_n")]
    public static partial int Classify(nint connection, byte* sql, nuint sqlBytes, byte* database, nuint databaseBytes, StatementAnalysis* analysis);
}

/// <summary>What chdb_classify_query_n reports; the caller sets the size.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct StatementAnalysis
{
    public uint StructBytes;
    public uint Statements;
    public uint Flags;
    public StatementClass Class;
}

/// <summary>What a statement does to state that outlives it.</summary>
internal enum StatementClass : uint
{
    ReadOnly = 0,
    Mutating = 1,
    MutatingGlobal = 2,

    /// <summary>SET, USE, SYSTEM, KILL and the like: may change the session.</summary>
    Control = 3,

    /// <summary>Did not parse.</summary>
    Unknown = 4,
}
